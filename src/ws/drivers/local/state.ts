import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import * as z from "zod";

const State = z.object({
  /** Of the kernel: pids from before the last boot mean nothing. */
  bootId: z.string(),
  processes: z.array(
    z.object({
      name: z.string(),
      address: z.string(),
      pid: z.int(),
      startTicks: z.int(),
      /** Milliseconds since 1970, for people. */
      startedAt: z.number(),
      /** What it was started with, so that a changed config.yaml is noticed. */
      fingerprint: z.string(),
    }),
  ),
});

/** One process that `ws` started; it leads a session of its own. */
export type StartedProcess = z.infer<typeof State>["processes"][number];

const currentBoot = (): string => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

/** What was started since the last boot. A missing or unreadable file is no state: the label still finds everything. */
export function readState(file: string): readonly StartedProcess[] {
  try {
    const state = State.parse(JSON.parse(readFileSync(file, "utf8")));
    return state.bootId === currentBoot() ? state.processes : [];
  } catch {
    return [];
  }
}

/** Adds a started process, in place of an earlier one of that name. */
export function recordStarted(file: string, started: StartedProcess): void {
  write(file, [...readState(file).filter(({ name }) => name !== started.name), started]);
}

/** Forgets those names, or all where none are given. */
export function forget(file: string, names?: readonly string[]): void {
  const left = readState(file).filter(({ name }) => names !== undefined && !names.includes(name));
  if (left.length === 0) rmSync(file, { force: true });
  else write(file, left);
}

/** In one step, so that a reader never sees half of it. */
function write(file: string, processes: readonly StartedProcess[]): void {
  mkdirSync(dirname(file), { recursive: true });
  const state = JSON.stringify({ bootId: currentBoot(), processes }, null, 2);
  writeFileSync(`${file}.new`, `${state}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
