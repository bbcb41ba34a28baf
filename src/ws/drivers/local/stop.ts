import { deadlineIn, pause } from "../../../common/deadline.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import type { WsFailure } from "../../failure.ts";
import { type Folders, removeTemp } from "./folders.ts";
import {
  clusterProcesses,
  listProcesses,
  type ProcessInfo,
  readProcess,
  signalProcess,
} from "./processes.ts";
import { forget, readState, type StartedProcess } from "./state.ts";

/** The entrypoint's own KILL comes 8.5 s after its TERM; a frozen one gets ours. */
export const STOP_GRACE_MS = 12_000;
const KILL_MS = 5_000;
const LOOK_EVERY_MS = 50;

/** Every living process of the services that `wanted` names, also of those whose first process is gone. */
export function findProcesses(folders: Folders, wanted: (service: string) => boolean): ProcessInfo[] {
  const recorded = readState(folders.stateFile).filter(({ name }) => wanted(name));
  const sessions = recorded.map(({ pid }) => pid);
  return clusterProcesses(listProcesses(folders.label), sessions, wanted);
}

/** True while that very process lives, not another that got its pid. */
export function isRunning({ pid, startTicks }: StartedProcess, { label }: Folders): boolean {
  return readProcess(pid, label)?.startTicks === startTicks;
}

/** Asks processes to stop, and returns when they have. An aborted signal means now: no more asking. */
export async function stopProcesses(
  folders: Folders,
  started: readonly StartedProcess[],
  now: AbortSignal,
): Promise<void> {
  for (const { pid } of started) signalProcess(pid, "SIGTERM");
  await untilGone(() => started.filter((each) => isRunning(each, folders)), STOP_GRACE_MS, now);
}

/** Kills what `find` still finds, again and again, until nothing is left or `KILL_MS` is over. Returns how many it killed. */
async function killRest(find: () => readonly ProcessInfo[]): Promise<number> {
  const killed = new Set<number>();
  const kill = () => {
    const left = find();
    for (const { pid } of left) {
      signalProcess(pid, "SIGKILL");
      killed.add(pid);
    }
    return left;
  };
  await untilGone(kill, KILL_MS, undefined);
  return killed.size;
}

async function untilGone(
  look: () => readonly unknown[],
  timeoutMs: number,
  now: AbortSignal | undefined,
): Promise<void> {
  const deadline = deadlineIn(timeoutMs);
  while (look().length > 0 && !deadline.expired() && now?.aborted !== true) await pause(LOOK_EVERY_MS, now);
}

/** Ends and removes everything of these services but their logs: also processes whose parents are gone. Returns how many it killed. */
export async function clear(
  folders: Folders,
  names: readonly string[] | undefined,
): Promise<Result<number, WsFailure>> {
  const wanted = (service: string) => names === undefined || names.includes(service);
  const killed = await killRest(() => findProcesses(folders, wanted));
  const left = findProcesses(folders, wanted);
  if (left.length > 0)
    return err({
      reason: "left-over",
      processes: left.map(({ pid, command }) => ({ pid, what: command.slice(0, 100) })),
      ports: [],
    });
  forget(folders.stateFile, names);
  const others = findProcesses(folders, () => true).length > 0;
  removeTemp(folders, others ? names : undefined);
  return ok(killed);
}
