import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import * as z from "zod";

/** One process that `ws` started; it leads a session of its own. */
const StartedProcess = z.object({
  name: z.string(),
  kind: z.enum(["health", "node", "test-worker", "test-client"]),
  address: z.string(),
  pid: z.int(),
  startTicks: z.int(),
  /** Milliseconds since 1970, for people. */
  startedAt: z.number(),
  /** What it was started with, so that a changed config.yaml is noticed. */
  fingerprint: z.string(),
});
export type StartedProcess = z.infer<typeof StartedProcess>;

const EmbeddedState = z.object({
  /** Of the kernel: pids from before the last boot mean nothing. */
  bootId: z.string(),
  processes: z.array(StartedProcess),
});
type EmbeddedState = z.infer<typeof EmbeddedState>;

const currentBoot = (): string => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

/** What was started since the last boot. A missing or unreadable file is no state: the label still finds everything. */
export function readState(file: string): readonly StartedProcess[] {
  try {
    const state = EmbeddedState.parse(JSON.parse(readFileSync(file, "utf8")));
    return state.bootId === currentBoot() ? state.processes : [];
  } catch {
    return [];
  }
}

/** Replaces the file in one step, so that a reader never sees half of it. */
function writeState(file: string, processes: readonly StartedProcess[]): void {
  mkdirSync(dirname(file), { recursive: true });
  const state: EmbeddedState = { bootId: currentBoot(), processes: [...processes] };
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Adds a started process, in place of an earlier one of that name. */
export function recordStarted(file: string, started: StartedProcess): void {
  writeState(file, [...readState(file).filter((each) => each.name !== started.name), started]);
}

/** Forgets those names, or all where none are given. */
export function forget(file: string, names?: readonly string[]): void {
  const left = readState(file).filter(({ name }) => names !== undefined && !names.includes(name));
  if (left.length === 0) rmSync(file, { force: true });
  else writeState(file, left);
}
