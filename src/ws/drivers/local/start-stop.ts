import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, renameSync, rmSync } from "node:fs";
import { deadlineIn, pause } from "../../../common/deadline.ts";
import { sha256 } from "../../../common/digest.ts";
import type { Environment } from "../../../common/environment.ts";
import { signalProcess } from "../../../common/proc.ts";
import { err, ok } from "../../../common/result.ts";
import type { Attempt, WsFailure } from "../../failure.ts";
import type { Service } from "../service.ts";
import { type Folders, logFile, removeTemp, statusFile } from "./machine.ts";
import type { ProcessPlan } from "./plan.ts";
import {
  findProcesses,
  forget,
  isRunning,
  LABEL,
  readProcess,
  recordStarted,
  running,
  SERVICE_LABEL,
} from "./processes.ts";

/** The entrypoint's own KILL comes 8.5 s after its TERM; a frozen one gets ours. */
export const STOP_GRACE_MS = 12_000;
const KILL_MS = 5_000;
const LOOK_EVERY_MS = 50;

/** Starts a process in a session of its own, by which all below it is found. Returns why it ended at once. */
export function startProcess(plan: ProcessPlan, folders: Folders, env: Environment): WsFailure | undefined {
  const { name, address, file, args } = plan;
  const log = logFile(folders, name);
  if (existsSync(log)) renameSync(log, `${log}.1`);
  rmSync(statusFile(folders, name), { force: true });
  const output = openSync(log, "a");
  const startedAt = Date.now();
  const child = spawn(file, args, {
    cwd: folders.state,
    detached: true,
    stdio: ["ignore", output, output],
    env: {
      ...baseEnvironment(env),
      ...plan.env,
      [LABEL]: folders.label,
      [SERVICE_LABEL]: name,
    },
  });
  closeSync(output);
  child.once("error", () => {});
  child.unref();
  const found = child.pid === undefined ? undefined : readProcess(child.pid);
  if (found === undefined)
    return { reason: "node-ended", node: name, how: "at once", lines: [], log, cause: undefined };
  const { pid, startTicks } = found;
  const fingerprint = fingerprintOf(plan);
  recordStarted(folders.stateFile, { name, address, pid, startTicks, startedAt, fingerprint });
  return undefined;
}

/** Changes with anything that the process was told. */
export const fingerprintOf = ({ file, args, env }: ProcessPlan): string =>
  sha256(JSON.stringify([file, args, env])).slice(0, 12);

/** Would change what a node is told, or where its Python finds modules. */
const NOT_PASSED =
  /^(?:HEAD_|HEALTH_|NODE_|OBJECT_|MIN_WORKER_|MAX_WORKER_|RAY_EP_|RAY_(?:HEAD|DASHBOARD|CLIENT)_PORT$|RAY_NUM_|RAY_MEMORY$|RAY_ADDRESS$|RAY_API_SERVER_ADDRESS$|DISCOVERY_TIMEOUT$|WAIT_FOR_HEAD$|USE_CONDA_ENV$|PYTHONPATH$|PYTHONHOME$|VIRTUAL_ENV$|CONDA_|NODE_OPTIONS$|npm_)/;

/** The user's environment without what speaks to a node or to its Python. Pure. */
export const baseEnvironment = (env: Environment): Environment =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !NOT_PASSED.test(name)));

/** Asks processes to stop, and returns when they have. What is left is killed when it is removed. */
export async function stopProcesses(folders: Folders, services: readonly Service[], now: AbortSignal) {
  const asked = running(folders).filter(({ pid }) => services.some((each) => each.pid === pid));
  for (const { pid } of asked) signalProcess(pid, "SIGTERM");
  await untilGone(() => asked.filter(isRunning), STOP_GRACE_MS, now);
  return 0;
}

/** Ends and removes everything of these services (undefined: of all) but their logs. Returns how many it killed. */
export async function clear(folders: Folders, names: readonly string[] | undefined): Attempt<number> {
  const killed = new Set<number>();
  const find = () => findProcesses(folders, names);
  const kill = () =>
    find().map(({ pid }) => {
      signalProcess(pid, "SIGKILL");
      return killed.add(pid);
    });
  await untilGone(kill, KILL_MS);
  const processes = find().map(({ pid, command }) => ({ pid, what: command.slice(0, 100) }));
  if (processes.length > 0) return err({ reason: "left-over", processes, ports: [] });
  forget(folders.stateFile, names);
  removeTemp(folders, findProcesses(folders).length > 0 ? names : undefined);
  return ok(killed.size);
}

async function untilGone(look: () => readonly unknown[], limitMs: number, now?: AbortSignal): Promise<void> {
  const deadline = deadlineIn(limitMs);
  while (look().length > 0 && !deadline.expired() && now?.aborted !== true) await pause(LOOK_EVERY_MS, now);
}
