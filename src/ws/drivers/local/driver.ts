import { homedir } from "node:os";
import { join } from "node:path";
import { authIn, authOfRay, readText, withAuthMode } from "../../../common/auth-token.ts";
import { err, ok } from "../../../common/result.ts";
import { readTls } from "../../../gcs/tls.ts";
import type { Part } from "../../compose/names.ts";
import type { Settings } from "../../config/settings.ts";
import type { WsFailure } from "../../failure.ts";
import { type Driver, type Leaving, servicesOf } from "../driver.ts";
import { logText, readLog } from "../log-files.ts";
import { execOn, rayletEnvironment } from "./exec.ts";
import { type Folders, foldersOf, makeFolders, removeKept } from "./folders.ts";
import { findTakenPorts } from "./free-ports.ts";
import { readMachine, userName } from "./machine.ts";
import { onLoopback, type ProcessPlan, planPart, statusFile } from "./plan.ts";
import { addressOf, changes, serviceOf } from "./services.ts";
import { logFile, startProcess } from "./start.ts";
import { readState, recordStarted, type StartedProcess } from "./state.ts";
import { clear, findProcesses, isRunning, STOP_GRACE_MS, stopProcesses } from "./stop.ts";
import { ensureVenv } from "./venv.ts";

/** What the local driver is given. */
export interface Local {
  readonly settings: Settings;
  readonly env: Driver["env"];
  /** The folder that holds everything `ws` keeps. */
  readonly stateDir: string;
  /** Where the virtual environments are. */
  readonly venvDir: string;
  /** The folder of the bundles. */
  readonly dist: string;
  /** Ends commands that run in a node's place. */
  readonly signal?: AbortSignal;
}

export const localFolders = ({ stateDir, venvDir }: Pick<Local, "stateDir" | "venvDir">): Folders =>
  foldersOf(stateDir, venvDir, process.getuid?.() ?? 0);

const running = (folders: Folders): StartedProcess[] =>
  readState(folders.stateFile).filter((each) => isRunning(each, folders));

/** True while something runs that an earlier call of `ws` started here. */
export const isLocalRunning = (local: Pick<Local, "stateDir" | "venvDir">): boolean =>
  process.platform === "linux" && running(localFolders(local)).length > 0;

/** The services of config.yaml as processes of this machine, on loopback addresses. Linux only. */
export function localDriver(local: Local): Driver {
  const { settings, env: shell, stateDir, venvDir, dist, signal } = local;
  const folders = localFolders({ stateDir, venvDir });
  const auth = authOfRay(authIn(shell, shell.HOME || homedir()), settings.rayVersion);
  const env = withoutProxy(withAuthMode(shell, auth), settings);
  const venv = join(venvDir, `venv-${settings.rayVersion}`);
  const binDir = join(venv, "bin");
  const machine = () => readMachine(settings, folders, { binDir, dist, logForm: env.RAY_EP_LOG });
  return {
    name: "embedded",
    settings,
    env,
    stateDir,
    token: auth.token,
    tls: readTls(env),
    noun: "process",
    isolated: false,
    lookEveryMs: 100,
    stopGraceMs: STOP_GRACE_MS,
    binDir,
    until: (until) => localDriver({ ...local, signal: until }),
    list: async (part) =>
      ok(
        running(folders)
          .filter(({ kind }) => part === undefined || (part === "test") === kind.startsWith("test-"))
          .map((started) => serviceOf(started, settings)),
      ),
    survey: async (request) => {
      const plans = planPart(settings, request, machine());
      const ours = new Set(findProcesses(folders, () => true).map(({ pid }) => pid));
      const wanted = plans.flatMap(({ ports }) => ports);
      // Checked before Ray is installed, which takes a minute.
      const ports = await findTakenPorts(wanted, ours);
      if (ports.length > 0) return err({ reason: "ports-taken", ports });
      return ok({ changed: changes(running(folders), plans), replaces: undefined, warnings: [] });
    },
    prepare: async (_, { progress, signal }) => {
      if (userName() === undefined) return err({ reason: "no-such-uid", uid: process.getuid?.() ?? -1 });
      const python = env.WS_PYTHON ?? "python3";
      const { rayVersion } = settings;
      return ensureVenv({ folder: venv, rayVersion, python, env, progress, signal });
    },
    create: async ({ part }) => {
      const there = running(folders).map(({ name }) => name);
      const missing = servicesOf(settings, part).filter((name) => !there.includes(name));
      if (missing.length === 0) return ok(undefined);
      const cleared = await clear(folders, missing);
      return cleared.ok ? makeFolders(folders) : cleared;
    },
    start: async (request, names) => {
      const there = running(folders).map(({ name }) => name);
      for (const plan of planPart(settings, request, machine())) {
        if (!names.includes(plan.name) || there.includes(plan.name)) continue;
        const started = startProcess(plan, folders, env);
        if (started === undefined) return err(endedAtOnce(plan, folders));
        recordStarted(folders.stateFile, started);
      }
      return ok(undefined);
    },
    stop: async (services, now) => {
      const pids = services.map(({ pid }) => pid);
      const asked = running(folders).filter(({ pid }) => pids.includes(pid));
      await stopProcesses(folders, asked, now);
      return 0;
    },
    remove: async (leaving) => {
      const killed = await clear(folders, namesIn(leaving, settings));
      if (!killed.ok) return killed;
      if ("volumes" in leaving && leaving.volumes) removeKept(folders);
      return ok({ names: [], killed: killed.value });
    },
    log: (name, part) => logText(logFile(folders, name), part?.lastLines),
    status: async (name) => readText(statusFile(folders, name)) ?? "",
    readLog: (node, _, request, signal) =>
      readLog({ node, file: logFile(folders, node), env }, request, signal),
    keepLog: async (name) => logFile(folders, name),
    exec: (name, command) => execOn({ env, binDir, folder: folders.state, signal }, name, command),
    environment: async (name) => rayletEnvironment(findProcesses(folders, (each) => each === name)),
    told: (name, head) => {
      const request = (part: Part) => planPart(settings, { part, head, build: false }, machine());
      return [...request("main"), ...request("test")].find((plan) => plan.name === name)?.env ?? {};
    },
    // Nothing limits a process here: each node counts what config.yaml says.
    memoryOf: (name) => settings.nodes.find((each) => each.name === name)?.memoryBytes ?? 0,
    hostOf: ({ loopbackAddress }) => loopbackAddress,
    inside: (address) => onLoopback(settings, address),
    refOf: (name) => name,
    absent: (name) => ({ address: addressOf(settings, name) ?? "–" }),
  };
}

/** Undefined: all. */
function namesIn(leaving: Leaving, settings: Settings): readonly string[] | undefined {
  if ("names" in leaving) return leaving.names;
  return leaving.part && servicesOf(settings, leaving.part);
}

function endedAtOnce({ name }: ProcessPlan, folders: Folders): WsFailure {
  const log = logFile(folders, name);
  return { reason: "node-ended", node: name, how: "at once", lines: [], log, cause: undefined };
}

/** The cluster's addresses are listed one by one, since not every program supports networks in no_proxy (Python's urllib does not). */
function withoutProxy(env: Driver["env"], { health, nodes, test }: Settings): Driver["env"] {
  const own = [health, ...nodes, test.worker, test.client].map(({ loopbackAddress }) => loopbackAddress);
  const given = (env.no_proxy || env.NO_PROXY || "").split(",").filter(Boolean);
  return { ...env, no_proxy: [...given, ...own].join(",") };
}
