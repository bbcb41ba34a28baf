import { deadlineIn, pause } from "../../../common/deadline.ts";
import { type Shown, whileStopping } from "../../cluster/while-waiting.ts";
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
const GRACE_MS = 12_000;
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

/**
 * Asks each group of processes to stop, one group after the other, so that workers leave while their HEAD still answers
 * (a WORKER whose HEAD is gone takes half a minute to stop). An aborted signal means now: no more asking.
 */
export async function stopInOrder(
  folders: Folders,
  groups: readonly (readonly StartedProcess[])[],
  now: AbortSignal,
  shown?: Shown,
): Promise<void> {
  for (const group of groups) {
    const asked = group.filter((started) => isRunning(started, folders));
    for (const { pid } of asked) signalProcess(pid, "SIGTERM");
    const gone = untilGone(() => asked.filter((each) => isRunning(each, folders)), GRACE_MS, now);
    await whileStopping(shown, { names: asked.map(({ name }) => name), limitMs: GRACE_MS, now }, gone);
  }
}

/** Kills what `find` still finds, again and again, until nothing is left or `KILL_MS` is over. Returns how many it killed. */
export async function killRest(find: () => readonly ProcessInfo[]): Promise<number> {
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

/** Removes what the named services kept outside the state folder, and forgets them. */
export function removeTraces(folders: Folders, names: readonly string[]): void {
  removeTemp(folders, names);
  forget(folders.stateFile, names);
}
