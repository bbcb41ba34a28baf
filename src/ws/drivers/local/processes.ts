import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import * as z from "zod/mini";
import { readText, replaceFile } from "../../../common/files.ts";
import { pids, readCommand, readStat } from "../../../common/proc.ts";
import { attempt } from "../../../common/result.ts";
import type { Folders } from "./machine.ts";

/** The variable that every process of a cluster carries, from the nodes down to Ray's workers. */
export const LABEL = "WS_CLUSTER";
export const SERVICE_LABEL = "WS_SERVICE";

/** One process of this machine, from /proc (proc(5)). */
export type ProcessInfo = NonNullable<ReturnType<typeof readProcess>>;

/** Every living process whose /proc can be read. */
export const listProcesses = (): ProcessInfo[] => pids().flatMap((pid) => readProcess(pid) ?? []);

/** One process, or undefined when it is gone. */
export function readProcess(pid: number) {
  const stat = readStat(pid);
  if (!stat?.isAlive) return undefined;
  const environment = (readText(`/proc/${pid}/environ`) ?? "").split("\0");
  const read = (name: string) =>
    environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  return {
    ...{ pid, session: stat.session, startTicks: stat.startTicks },
    command: readCommand(pid).replaceAll("\0", " ").trim(),
    cluster: read(LABEL),
    service: read(SERVICE_LABEL),
  };
}

/**
 * Every living process of the services that `names` names (undefined: all), also of those whose first process is gone.
 * Some of Ray's parts overwrite the memory that holds their environment (setproctitle: the dashboard's and the agents'),
 * so the label alone misses them. They share the session of a labelled process, or of a recorded one that died.
 * A session whose leader lives and is a stranger is not taken: a labelled process may have been started by hand from there.
 */
export function findProcesses({ label, stateFile }: Folders, names?: readonly string[]): ProcessInfo[] {
  const isWanted = (name: string) => names === undefined || names.includes(name);
  const isLabelled = ({ cluster, service }: ProcessInfo) => cluster === label && isWanted(service);
  const all = listProcesses();
  const leaders = new Map(all.filter((each) => each.pid === each.session).map((each) => [each.pid, each]));
  const recorded = readState(stateFile).filter(({ name }) => isWanted(name));
  const sessions = new Set([
    ...recorded.map(({ pid }) => pid),
    ...all.filter(isLabelled).map(({ session }) => session),
  ]);
  const isOurs = (session: number): boolean => {
    const leader = leaders.get(session);
    return sessions.has(session) && (leader === undefined || isLabelled(leader));
  };
  return all.filter((each) => isLabelled(each) || isOurs(each.session));
}

/** True while that very process lives, not another that got its pid. */
export function isRunning({ pid, startTicks }: StartedProcess): boolean {
  const stat = readStat(pid);
  return stat?.isAlive === true && stat.startTicks === startTicks;
}

/** What an earlier call of `ws` started and still runs. */
export const running = ({ stateFile }: Folders): StartedProcess[] => readState(stateFile).filter(isRunning);

const State = z.object({
  /** Of the kernel: pids from before the last boot mean nothing. */
  bootId: z.string(),
  processes: z.array(
    z.object({
      name: z.string(),
      address: z.string(),
      pid: z.int(),
      startTicks: z.int(),
      startedAt: z.number(),
      /** What it was started with, so that a changed config.yaml is noticed. */
      fingerprint: z.string(),
    }),
  ),
});

/** One process that `ws` started; it leads a session of its own. */
export type StartedProcess = z.infer<typeof State>["processes"][number];

const currentBoot = (): string => (readText("/proc/sys/kernel/random/boot_id") ?? "").trim();

/** What was started since the last boot. A missing or unreadable file is no state: the label still finds everything. */
export function readState(file: string): readonly StartedProcess[] {
  const state = attempt(() => State.parse(JSON.parse(readText(file) ?? "")));
  return state?.bootId === currentBoot() ? state.processes : [];
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

function write(file: string, processes: readonly StartedProcess[]): void {
  mkdirSync(dirname(file), { recursive: true });
  const state = JSON.stringify({ bootId: currentBoot(), processes }, null, 2);
  replaceFile(file, `${state}\n`, 0o600);
}
