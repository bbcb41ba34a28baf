import type { WsFailure } from "./failure.ts";

/** What a machine may do to any file: the codes of errno(3) that say so. Another code, or none, is a bug of ours. */
const EXPECTED =
  /^(?:EACCES|EPERM|EROFS|ENOSPC|EDQUOT|ENOTDIR|EEXIST|EISDIR|ENAMETOOLONG|EMFILE|ENFILE|EIO|ELOOP|EBUSY|ETXTBSY)$/;

/** An exception of the file system as a failure; undefined where it is another. Pure. */
export function ioFailure(error: unknown): WsFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === undefined || !EXPECTED.test(code)) return undefined;
  return { reason: "io-failed", path, code, message };
}
