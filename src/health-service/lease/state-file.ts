import { copyFile, mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod/mini";
import { Epoch } from "../../common/lease-protocol.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { LeaseState, Memory } from "./lease-state.ts";

/** What the state folder tells at the start. `epoch` of a damaged file is the highest number that could be read. */
export type Recalled =
  | { readonly kind: "none" }
  | { readonly kind: "kept"; readonly memory: Memory }
  | { readonly kind: "damaged"; readonly epoch: number; readonly detail: string };

export interface StateFile {
  readonly file: string;
  /** An error where a state may be there that cannot be read: to go on without it would let epochs go back. */
  recall(): Promise<Result<Recalled, string>>;
  /** Returns when the state is on the disk, or why it cannot be. The file is never half written. */
  save(state: LeaseState): Promise<Result<void, string>>;
}

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

/** The lease in `lease.json` of the folder `dir`, which is made when it is missing. */
export function openStateFile(dir: string): StateFile {
  const file = join(dir, "lease.json");
  /** A damaged file is the only record of its epoch until the next one is written. */
  let damaged = false;
  return {
    file,
    recall: async () => {
      const recalled = await recall(file);
      damaged = recalled.ok && recalled.value.kind === "damaged";
      return recalled;
    },
    save: async (state) => {
      const saved = await save(file, state, damaged);
      if (saved.ok) damaged = false;
      return saved;
    },
  };
}

/** Without a file, or a folder, there was no state. */
const NOTHING_THERE = new Set(["ENOENT", "ENOTDIR"]);

async function recall(file: string): Promise<Result<Recalled, string>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return NOTHING_THERE.has(code ?? "") ? ok({ kind: "none" }) : err(message);
  }
  const stored = parse(text);
  if (stored !== null) return ok({ kind: "kept", memory: stored });
  const detail = `${file} is not a state file of this program`;
  return ok({ kind: "damaged", epoch: highestEpoch(text), detail });
}

function parse(text: string): Memory | null {
  try {
    return z.safeParse(StoredLease, JSON.parse(text)).data ?? null;
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

async function save(file: string, state: LeaseState, damaged: boolean): Promise<Result<void, string>> {
  const { epoch, heard, hold } = state;
  const kept = hold && {
    node: hold.node,
    life: hold.life,
    address: hold.address,
    clusterId: hold.clusterId,
    strict: hold.strict,
    epoch: hold.epoch,
  };
  const stored: z.infer<typeof StoredLease> = { version: 1, epoch, heard, hold: kept };
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeThrough(`${file}.new`, `${JSON.stringify(stored)}\n`);
    // The evidence stays beside the new file; a second damaged one takes its place, so that they do not pile up.
    if (damaged) await copyFile(file, `${file}.damaged`).catch(() => {});
    await rename(`${file}.new`, file);
    await syncFolder(dirname(file));
    return ok(undefined);
  } catch (error) {
    return err((error as Error).message);
  }
}

async function writeThrough(file: string, text: string): Promise<void> {
  const handle = await open(file, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
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
