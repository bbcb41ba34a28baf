import { copyFile, mkdir, open, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod/mini";
import { pause } from "../../common/deadline.ts";
import { Epoch } from "../../common/protocol/lease-protocol.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { LeaseState, Memory } from "./lease-state.ts";

/** What the state folder tells at the start. `epoch` of a damaged file is the highest number that could be read. */
export type Recalled =
  | { readonly kind: "none" }
  | { readonly kind: "kept"; readonly memory: Memory }
  | { readonly kind: "damaged"; readonly epoch: number; readonly detail: string };

const StoredLease = z.object({
  version: z.literal(1),
  epoch: Epoch,
  heard: Epoch,
  hold: z.nullable(
    z.object({
      node: z.string(),
      life: z.string(),
      address: z.string(),
      clusterId: z.nullable(z.string()),
      // A file of an earlier version does not say; then the holder may be strict.
      strict: z._default(z.boolean(), true),
      epoch: Epoch,
    }),
  ),
});

/** The lease in `lease.json` of a folder, which is made when it is missing. */
export class StateFile {
  readonly path: string;
  /** A damaged file is the only record of its epoch until the next one is written. */
  #isDamaged = false;

  constructor(folder: string) {
    this.path = join(folder, "lease.json");
  }

  /** An error where a state may be there that cannot be read: to go on without it would let epochs go back. */
  async recall(): Promise<Result<Recalled, string>> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch (error) {
      const { code = "", message } = error as NodeJS.ErrnoException;
      // Without a file, or a folder, there was no state.
      return ["ENOENT", "ENOTDIR"].includes(code) ? ok({ kind: "none" }) : err(message);
    }
    const memory = parse(text);
    if (memory !== null) return ok({ kind: "kept", memory });
    this.#isDamaged = true;
    const detail = `${this.path} is not a state file of this program`;
    return ok({ kind: "damaged", epoch: highestEpoch(text), detail });
  }

  /** Returns when the state is on the disk, or why it cannot be. The file is never half written. */
  async save({ epoch, highestEpochSeen: heard, hold }: LeaseState): Promise<Result<void, string>> {
    // The schema takes what is kept of the holder, without its moments, which mean nothing to the next run.
    const stored = z.parse(StoredLease, { version: 1, epoch, heard, hold });
    const { path } = this;
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.new`, `${JSON.stringify(stored)}\n`, { mode: 0o600, flush: true });
      // The evidence stays beside the new file; a second damaged one takes its place, so that they do not pile up.
      if (this.#isDamaged) await copyFile(path, `${path}.damaged`).catch(() => {});
      await rename(`${path}.new`, path);
      this.#isDamaged = false;
      await syncFolder(dirname(path));
      return ok(undefined);
    } catch (error) {
      return err((error as Error).message);
    }
  }
}

function parse(text: string): Memory | null {
  try {
    const { epoch, heard, hold } = z.parse(StoredLease, JSON.parse(text));
    return { epoch, highestEpochSeen: heard, hold };
  } catch {
    return null;
  }
}

/** The highest epoch that can still be read in a damaged file, 0 for none: epochs never go back. */
function highestEpoch(text: string): number {
  const found = [...text.matchAll(/"(?:epoch|heard)"\s*:\s*(\d{1,15})(?!\d)/g)].map((match) =>
    Number(match[1]),
  );
  return Math.max(0, ...found.filter((epoch) => z.safeParse(Epoch, epoch).success));
}

/** A rename is on the disk only when its folder is. */
async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** `work`, or an error where the disk has not answered by then. `wait` ends when its signal aborts. */
export function inTime<T>(
  timeoutMs: number,
  work: Promise<Result<T, string>>,
  wait: (ms: number, signal: AbortSignal) => Promise<unknown> = pause,
): Promise<Result<T, string>> {
  const over = new AbortController();
  const late = wait(timeoutMs, over.signal).then(() => err(`no answer from the disk in ${timeoutMs} ms`));
  return Promise.race([work, late]).finally(() => over.abort());
}
