import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { pause } from "../../common/deadline.ts";
import { Epoch, HIGHEST_EPOCH } from "../../common/protocol/lease-protocol.ts";
import { attempt, err, ok, type Result } from "../../common/result.ts";
import { writeDurably } from "../durable.ts";
import { KeptHold, type Memory, type Recalled, SoleHolder } from "./lease-state.ts";

const Stored = z.object({
  ...{ version: z.literal(1), epoch: Epoch, heard: Epoch },
  ...{ hold: z.nullable(KeptHold), sole: z.optional(z.nullable(SoleHolder)) },
});

/** The lease in `lease.json` of a folder. */
export class StateFile {
  readonly path: string;

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
    const kept = attempt(() => z.parse(Stored, JSON.parse(text)));
    if (kept !== undefined) return ok({ kind: "kept", highestEpochSeen: kept.heard, ...kept });
    // The evidence stays beside the next file.
    await writeDurably(`${this.path}.damaged`, text).catch(() => {});
    const detail = `${this.path} is not a state file of this program`;
    return ok({ kind: "damaged", epoch: highestEpoch(text), detail });
  }

  /** Returns when the state is on the disk, or why it cannot be. The file is never half written. */
  async save({ epoch, highestEpochSeen: heard, hold, sole }: Memory): Promise<Result<void, string>> {
    const { path } = this;
    const text = JSON.stringify({ version: 1, epoch, heard, hold, sole });
    try {
      await writeDurably(path, `${text}\n`);
      return ok(undefined);
    } catch (error) {
      return err((error as Error).message);
    }
  }
}

/** The highest epoch that can still be read in a damaged file, 0 for none: epochs never go back. */
function highestEpoch(text: string): number {
  const found = text.matchAll(/"(?:epoch|heard)"\s*:\s*(\d{1,15})(?!\d)/g);
  const epochs = [...found].map(([, digits]) => Number(digits));
  return Math.max(0, ...epochs.filter((epoch) => epoch <= HIGHEST_EPOCH));
}

/** `work`, or an error where the disk has not answered by then. */
export function inTime<T>(timeoutMs: number, work: Promise<Result<T, string>>, wait: Wait = pause) {
  const late = wait(timeoutMs).then(() => err(`no answer from the disk in ${timeoutMs} ms`));
  return Promise.race([work, late]);
}

type Wait = (ms: number) => Promise<unknown>;
