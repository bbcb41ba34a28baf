import type { Members, Result } from "../common/result.ts";
import { FAILURES, type Lines } from "./output/failure-texts.ts";
import { printLines, type Terminal } from "./output/terminal.ts";

type Table = typeof FAILURES;
export type WsFailure = { [Code in keyof Table]: Members<"reason", Table[Code]> }[keyof Table];

/** What `ws` tries: it ends well, or in a failure that `ws` expects. */
export type Attempt<T = void> = Promise<Result<T, WsFailure>>;

/** How `ws` ends when no failure says otherwise (sysexits.h where it has a number; docs/ws.md, "Exit codes"). */
export const EXIT = {
  ok: 0,
  /** A check of `ws test` does not hold, or `ws ps` sees a node that is not ALIVE. */
  notAllWell: 1,
  usage: 64,
} as const;

export const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

const NO_WRITING = "Give this user the right to write there, or name another folder (--state, --report).";
const NO_FOLDER =
  "Something on that path is no folder; remove it, or name another folder (--state, --report).";

/** What the system's error codes (errno(3)) ask for. */
const WAY_OUT: Readonly<Record<string, string>> = {
  EACCES: NO_WRITING,
  EPERM: NO_WRITING,
  EROFS: "That file system is read-only; name another folder (--state, --report).",
  ENOSPC: "The disk is full (df -h): make room, then run the command again.",
  EDQUOT: "This user's share of the disk is used up: make room, then run the command again.",
  ENOTDIR: NO_FOLDER,
  EEXIST: NO_FOLDER,
  EISDIR: "Remove that folder, or name another (--state, --report).",
  ENAMETOOLONG: "Name a folder with a shorter path (--state).",
  EMFILE: "Too many files are open (ulimit -n).",
};

/** What a machine may do to any file. Another code, or none, is a bug of ours. */
const EXPECTED = new Set([...Object.keys(WAY_OUT), "ENFILE", "EIO", "ELOOP", "EBUSY", "ETXTBSY"]);

/** An exception of the file system as a failure; undefined where it is another. Pure. */
export function ioFailure(error: unknown): WsFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  // There is no path where a disk is full.
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === undefined || !EXPECTED.has(code)) return undefined;
  const fix = WAY_OUT[code] ?? "Fix that, then run the command again.";
  return { reason: "io-failed", path: path ?? "A file", message, fix };
}

/** The failure of a job whose signal was aborted; `ws` aborts with the name of the signal as the reason. */
export const interrupted = ({ reason }: AbortSignal): WsFailure => ({
  reason: "interrupted",
  signal: reason === "SIGTERM" || reason === "SIGHUP" ? reason : "SIGINT",
});

/** What failed in words, and the exit code. Pure. */
export function describeFailure(failure: WsFailure): { readonly lines: Lines; readonly code: number } {
  for (const [code, texts] of Object.entries<Record<string, (facts: never) => Lines>>(FAILURES)) {
    const lines = texts[failure.reason]?.(failure as never);
    if (lines !== undefined) return { lines, code: ownCode(failure) ?? Number(code) };
  }
  throw new Error(`unreachable: ${failure.reason}`);
}

function ownCode(failure: WsFailure): number | undefined {
  if (failure.reason === "interrupted") return SIGNAL_CODES[failure.signal];
  return failure.reason === "node-ended" ? failure.exitCode : undefined;
}

/** Says why a command failed and returns its exit code. A question to the engine that Ctrl-C ended was not refused. */
export function fail(
  { terminal, signal }: { readonly terminal: Pick<Terminal, "err">; readonly signal: AbortSignal },
  failure: WsFailure,
): number {
  const ended = failure.reason === "engine-refused" && signal.aborted;
  const { lines, code } = describeFailure(ended ? interrupted(signal) : failure);
  printLines(terminal.err, lines);
  return code;
}
