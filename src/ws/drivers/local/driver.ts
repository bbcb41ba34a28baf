import { join } from "node:path";
import { readRegular, readText } from "../../../common/files.ts";
import { err, ok } from "../../../common/result.ts";
import type { Part } from "../../compose/names.ts";
import type { Places } from "../../compose/write-files.ts";
import { accessOf, type Driver, servicesOf } from "../driver.ts";
import { logLines, readLog } from "../log-files.ts";
import { COMMAND_TIMEOUT_MS, runProgram } from "../run-program.ts";
import type { Service } from "../service.ts";
import {
  type Folders,
  foldersOf,
  logFile,
  makeFolders,
  putStateAside,
  readMachine,
  removeKept,
  statusFile,
  userName,
} from "./machine.ts";
import { onLoopback, planPart } from "./plan.ts";
import { findProcesses, running } from "./processes.ts";
import { addressOf, changedSince, keptBy, leftOut, serviceOf, withoutProxy } from "./services.ts";
import {
  baseEnvironment,
  clear,
  fingerprintOf,
  STOP_GRACE_MS,
  startProcess,
  stopProcesses,
} from "./start-stop.ts";
import { findTakenPorts } from "./taken-ports.ts";
import { ensureVenv } from "./venv.ts";

interface Local
  extends Pick<Driver, "settings" | "env" | "secrets" | "stateDir">,
    Pick<Places, "configFolder"> {
  readonly venvDir: string;
  readonly dist: string;
  readonly signal?: AbortSignal;
}

/** True while something runs that an earlier call of `ws` started here. */
export const isLocalRunning = (stateDir: string): boolean =>
  process.platform === "linux" && running(foldersOf(stateDir)).length > 0;

/** The services of config.yaml as processes of this machine, on loopback addresses. Linux only. */
export function localDriver(local: Local): Driver {
  const { settings, stateDir, venvDir, dist, configFolder } = local;
  const { rayVersion } = settings;
  const folders = foldersOf(stateDir);
  const env = withoutProxy(local.env, settings);
  const venv = join(venvDir, `venv-${rayVersion}`);
  const binDir = join(venv, "bin");
  const plans: Plans = (request) =>
    planPart(
      settings,
      request,
      readMachine(settings, folders, { binDir, dist, configFolder, logForm: env.RAY_EP_LOG }),
    );
  return {
    name: "embedded",
    ...accessOf({ ...local, env }),
    noun: "process",
    isolated: false,
    lookEveryMs: 100,
    stopGraceMs: STOP_GRACE_MS,
    binDir,
    until: (signal) => localDriver({ ...local, signal }),
    list: async (part) => ok(servicesIn(folders, settings, part)),
    prepare: async (_request, _survey, job) => {
      if (userName() === undefined) return err({ reason: "no-such-uid", uid: process.getuid?.() ?? -1 });
      return ensureVenv({ folder: venv, rayVersion, python: env.WS_PYTHON ?? "python3", env }, job);
    },
    ...startVerbs({ ...local, env }, plans),
    stop: (services, now) => stopProcesses(folders, services, now),
    remove: async ({ part, names, volumes }) => {
      const killed = await clear(folders, names ?? (part && servicesOf(settings, part)));
      if (!killed.ok) return killed;
      if (volumes) removeKept(folders);
      return ok({ names: [], killed: killed.value });
    },
    resetState: async (name) => ok(putStateAside(folders, name)),
    kept: async () => [
      ...keptBy(folders.logs, "logs and what the services remember, below", "ws down -v", folders.state),
      ...keptBy(venv, `Ray ${rayVersion} in`, `rm -rf '${venv}'`),
    ],
    log: async (name, { tail }) => logLines(logFile(folders, name), tail),
    status: async (name) => readRegular(statusFile(folders, name)) ?? "",
    readLog: (name, _, ...how) => readLog(logFile(folders, name), env, ...how),
    keepLog: async (name) => logFile(folders, name),
    ...nodeVerbs({ ...local, env }, binDir, plans),
    hostOf: ({ loopbackAddress }) => loopbackAddress,
    // Ray binds most of its ports on all, whatever address it is told.
    openAt: () => "any address of this machine",
    inside: (address) => onLoopback(settings, address),
    absent: (name = "") => ({ ref: name, address: addressOf(settings, name) ?? "–" }),
  };
}

/** What runs of a part, or of both. */
function servicesIn(folders: Folders, settings: Local["settings"], part?: Part): Service[] {
  const services = running(folders).map((each) => serviceOf(each, settings));
  const ofTest = servicesOf(settings, "test");
  return services.filter(({ name }) => !part || (part === "test") === ofTest.includes(name));
}

type Plans = (request: Parameters<typeof planPart>[1]) => ReturnType<typeof planPart>;

/** How processes come to run. */
function startVerbs(
  { settings, env, stateDir }: Local,
  plans: Plans,
): Pick<Driver, "survey" | "create" | "start"> {
  const folders = foldersOf(stateDir);
  const missing = (names: readonly string[]) => {
    const there = running(folders).map(({ name }) => name);
    return names.filter((name) => !there.includes(name));
  };
  return {
    survey: async (request) => {
      const planned = plans(request);
      const wanted = planned.flatMap((plan) => plan.ports);
      // Checked before Ray is installed, which takes a minute.
      const ours = findProcesses(folders).map(({ pid }) => pid);
      const ports = await findTakenPorts(wanted, ours);
      if (ports.length > 0) return err({ reason: "ports-taken", ports });
      const changed = running(folders).filter(({ name, fingerprint }) =>
        planned.some((plan) => plan.name === name && fingerprintOf(plan) !== fingerprint),
      );
      const why = new Map(changed.map((each) => [each.name, changedSince(each)]));
      const there = servicesIn(folders, settings, request.part);
      return ok({ there, changed: why, stale: new Map(), replaces: undefined, warnings: leftOut(settings) });
    },
    create: async ({ part }) => {
      const names = missing(servicesOf(settings, part));
      if (names.length === 0) return ok(undefined);
      const cleared = await clear(folders, names);
      return cleared.ok ? makeFolders(folders) : cleared;
    },
    start: async (request, names) => {
      const wanted = missing(names);
      for (const plan of plans(request).filter(({ name }) => wanted.includes(name))) {
        const failure = startProcess(plan, folders, env);
        if (failure !== undefined) return err(failure);
      }
      return ok(undefined);
    },
  };
}

/** What runs in a node's place, and what config.yaml wants of it. */
function nodeVerbs(
  { settings, env, stateDir, signal }: Local,
  binDir: string,
  plans: Plans,
): Pick<Driver, "exec" | "typed" | "environment" | "expected"> {
  const folders = foldersOf(stateDir);
  // All nodes share this machine: a command "in" a node has its PATH.
  const base = baseEnvironment(env);
  const inNode = { ...base, PATH: `${binDir}:${base.PATH ?? ""}`, RAY_USAGE_STATS_ENABLED: "0" };
  return {
    exec: async (_, command) => {
      const options = { timeoutMs: COMMAND_TIMEOUT_MS, signal, cwd: folders.state, env: inNode };
      const done = await runProgram(command, options);
      if (done.ok) return ok(done.all);
      const last = done.all.trim().split("\n").slice(-3).join(" / ");
      const why = done.code === undefined ? done.stderr.at(-1) : `exit code ${done.code}`;
      return err(`${command.slice(0, 2).join(" ")}: ${why}: ${last}`);
    },
    typed: async (_, words, { folder: cwd }) => ({ words, env: inNode, cwd }),
    environment: async (name) => {
      // The raylet is the part that runs the user's work; its environment is what its workers get.
      const raylet = findProcesses(folders, [name]).find(({ command }) => /\/raylet\/raylet /.test(command));
      const text = raylet && readText(`/proc/${raylet.pid}/environ`);
      return text ? ok(text) : err("no raylet runs");
    },
    expected: (name, head) => {
      const all = [...plans({ part: "main", head }), ...plans({ part: "test", head })];
      const environment = all.find((plan) => plan.name === name)?.env ?? {};
      // Nothing limits a process here: each node counts what config.yaml says.
      return {
        environment,
        memoryBytes: settings.nodes.find((each) => each.name === name)?.memoryBytes ?? 0,
      };
    },
  };
}
