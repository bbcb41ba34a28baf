import { setImmediate as nextTurn } from "node:timers/promises";
import { realClock } from "../common/deadline.ts";
import { createLogger } from "../common/output/logger.ts";
import { ok } from "../common/result.ts";
import { openGcs } from "../gcs/client.ts";
import { probeGcs } from "../gcs/probe.ts";
import type { Deps } from "./deps.ts";
import { mayLead } from "./election/decide/candidates.ts";
import { anyOf } from "./lease/any-of.ts";
import { type HealthClient, openHealthClient } from "./lease/health-client.ts";
import { LogTail } from "./lease/log-tail.ts";
import { StatusKeeper } from "./lease/status-keeper.ts";
import { NO_SERVICE, sparing } from "./lease/without-lease.ts";
import type { NodeInput } from "./node.ts";
import { type Event, render } from "./output/event.ts";
import { aliveNote, noteFile } from "./output/notes.ts";
import { tempDirOf } from "./ray/command.ts";
import { startGuard } from "./ray/guard/guard-process.ts";
import { type PreflightDeps, preflight } from "./ray/preflight/preflight.ts";
import { SessionFolder } from "./ray/preflight/session-folder.ts";
import { launch } from "./ray/process.ts";
import type { Ray } from "./ray/ray.ts";
import { rayletFaultIn } from "./ray/raylet-fault.ts";
import { NO_STATE, StateFolder } from "./ray/store/state-folder.ts";
import { storeFaultIn } from "./ray/store/store-fault.ts";

/** All that is known before the node says its first word. */
export type Input = Omit<NodeInput, "introduction">;

/**
 * Makes the real effects. `write` takes the log, whole lines at a time; `member`: the client of a member of several machines;
 * `earlier`: what was logged already.
 * Nothing is sent before one is used.
 */
export function realDeps(
  input: Input,
  write: (text: string) => void,
  member?: HealthClient,
  earlier: readonly Event[] = [],
): Deps {
  const { config, local, runId } = input;
  const { values, auth, tls } = config;
  const logger = createLogger<Event>({ form: values.RAY_EP_LOG, write, render, now: () => new Date() });
  const user = local.becomes;
  const status = new StatusKeeper(
    { node: config.node, version: __VERSION__, python: local.ray.python, image: values.RAY_EP_IMAGE },
    noteFile(values.RAY_EP_STATUS_FILE, user),
  );
  const tail = new LogTail();
  const note = (event: Event): void => {
    status.hear(event);
    tail.hear(event);
  };
  earlier.forEach(note);
  const log = (event: Event): void => {
    logger.log(event);
    note(event);
  };
  const { HEALTH_URL: urls } = values;
  const ask = () => anyOf(urls?.map((url) => openHealthClient(url, config.healthToken)) ?? [], realClock);
  const health = urls === null ? NO_SERVICE : sparing(member ?? ask(), realClock);
  const { RAY_EP_STATE_DIR: stateDir } = values;
  const state = stateDir === null || !mayLead(config) ? null : new StateFolder(stateDir, user, log);
  return {
    clock: realClock,
    health: {
      ...health,
      // A turn of the event loop later, so that a HEAD works at its answer while this process puts its request together.
      look: (timeoutMs) => nextTurn().then(() => health.look(timeoutMs)),
      report: async (node, report, timeoutMs) => {
        const lines = tail.take();
        const full = { ...report, status: status.current, ...(lines && { log: lines }) };
        const answer = await health.report(node, full, timeoutMs);
        if (answer.kind !== "noted") return answer;
        return { ...answer, hasMore: tail.taken(lines, answer.instance) };
      },
    },
    probe: (address, timeoutMs) => probeGcs(address, { token: auth.token, tls, timeoutMs }),
    ray: localRay(input, { config, health: member ? null : health, log, runId }, () => state?.fd),
    state: state ?? NO_STATE,
    aliveNote: aliveNote(noteFile(values.RAY_EP_ALIVE_FILE, user), values.RAY_EP_WATCH_INTERVAL),
    log,
  };
}

/** Ray as processes of this machine. */
function localRay(input: Input, deps: PreflightDeps, stateLock: () => number | undefined): Ray {
  const { auth, tls } = input.config;
  const { becomes } = input.local;
  const folder = new SessionFolder(tempDirOf(input), becomes);
  return {
    useFolder: () => folder.share(),
    prepare: (plan, reported) => preflight(plan, folder, reported, deps),
    start: async (command) => {
      const storeFault = storeFaultIn(folder.path, command.env.RAY_gcs_storage_path, becomes);
      const rayletFault = rayletFaultIn(folder.path, becomes);
      const launching = launch(command, deps.log);
      void interpretOnly();
      const launched = await launching;
      return launched.ok ? ok({ ...launched.value, storeFault, rayletFault }) : launched;
    },
    gcs: (address) => openGcs(address, { token: auth.token, tls }),
    // The guard keeps the locks on Ray's folder and on the state's, too.
    startGuard: () => startGuard([folder.fd, stateLock()].filter((fd) => fd !== undefined)),
  };
}

/** From its start on, Ray does the work: what V8's compilers cost this program then is more than they save (bench/supervisor.ts). */
async function interpretOnly(): Promise<void> {
  // Loading it takes some milliseconds, which the way to `ray start` does not have.
  const { setFlagsFromString } = await import("node:v8");
  for (const compiler of ["opt", "maglev", "sparkplug"]) setFlagsFromString(`--no-${compiler}`);
}
