import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Folders } from "./folders.ts";
import { type ProcessPlan, statusFile } from "./plan.ts";
import { LABEL, readProcess, SERVICE_LABEL } from "./processes.ts";
import type { StartedProcess } from "./state.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Starts a process in a session of its own, so that it outlives this terminal and everything below it can be found by
 * that session. Its output goes to its log; the log before this start is kept beside it.
 * Undefined when it could not even be started or was gone at once.
 */
export function startProcess(
  plan: ProcessPlan,
  folders: Folders,
  env: Environment,
): StartedProcess | undefined {
  const log = logFile(folders, plan.name);
  if (existsSync(log)) renameSync(log, `${log}.1`);
  rmSync(statusFile(folders, plan.name), { force: true });
  const output = openSync(log, "a");
  const startedAt = Date.now();
  const child = spawn(plan.file, plan.args, {
    cwd: folders.state,
    detached: true,
    stdio: ["ignore", output, output],
    env: {
      ...baseEnvironment(env),
      ...healthToken(plan, env),
      ...plan.env,
      [LABEL]: folders.label,
      [SERVICE_LABEL]: plan.name,
    },
  });
  closeSync(output);
  child.once("error", () => {});
  child.unref();
  const found = child.pid === undefined ? undefined : readProcess(child.pid, folders.label);
  if (found === undefined) return undefined;
  return {
    name: plan.name,
    kind: plan.kind,
    address: plan.address,
    pid: found.pid,
    startTicks: found.startTicks,
    startedAt,
    fingerprint: fingerprintOf(plan),
  };
}

/** For the nodes, which ask for the lease, and the health service, which grants it. */
const healthToken = ({ kind }: ProcessPlan, { RAY_EP_HEALTH_TOKEN }: Environment): Record<string, string> =>
  kind === "test-client" || !RAY_EP_HEALTH_TOKEN ? {} : { RAY_EP_HEALTH_TOKEN };

export const logFile = (folders: Folders, name: string): string => join(folders.logs, `${name}.log`);

/** Changes with anything that the process was told. */
export function fingerprintOf({ file, args, env }: ProcessPlan): string {
  return createHash("sha256")
    .update(JSON.stringify([file, args, env]))
    .digest("hex")
    .slice(0, 12);
}

/** True where a process that runs was told something else than the plan would tell it now. */
export const hasChanged = (plan: ProcessPlan, { fingerprint }: StartedProcess): boolean =>
  fingerprint !== fingerprintOf(plan);

/** Would change what a node is told, or where its Python finds modules. */
const NOT_PASSED =
  /^(?:HEAD_|HEALTH_|NODE_|OBJECT_|MIN_WORKER_|MAX_WORKER_|RAY_EP_|RAY_(?:HEAD|DASHBOARD|CLIENT)_PORT$|RAY_NUM_|RAY_MEMORY$|RAY_ADDRESS$|DISCOVERY_TIMEOUT$|WAIT_FOR_HEAD$|USE_CONDA_ENV$|PYTHONPATH$|PYTHONHOME$|VIRTUAL_ENV$|CONDA_|NODE_OPTIONS$|npm_)/;

/** The user's environment without what speaks to a node or to its Python; proxies keep out of the loopback. Pure. */
export function baseEnvironment(env: Environment): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !NOT_PASSED.test(entry[0]),
  );
  const direct = ["127.0.0.0/8", "localhost"];
  const noProxy = [...(env.no_proxy ?? env.NO_PROXY ?? "").split(",").filter(Boolean), ...direct].join(",");
  return { ...Object.fromEntries(kept), no_proxy: noProxy, NO_PROXY: noProxy };
}
