import { err, ok } from "../../common/result.ts";
import { loadSettings } from "../config/load.ts";
import type { MemberSettings, Settings } from "../config/settings.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import type { Attempt } from "../failure.ts";
import { type MemberDriver, memberDriver } from "../machine/driver.ts";
import { lookHere, memberSettings } from "../machine/settings.ts";
import { oneLine } from "../output/terminal.ts";
import { lastUp } from "../state/last-up.ts";
import { type Machine, readMachine } from "../state/machine.ts";
import { accessTo, differsFromKept } from "../state/secrets.ts";
import { isDockerRunning } from "./compose/containers.ts";
import { composeDriver } from "./compose/driver.ts";
import { composeRunner, dockerRunner, type Engine, isRemote } from "./compose/engine.ts";
import { type EngineInfo, findTools, type Tools } from "./compose/tools.ts";
import { type Driver, RUNTIMES, type RuntimeName } from "./driver.ts";
import { isLocalRunning, localDriver } from "./local/driver.ts";

type Given = Parameters<typeof composeDriver>[0] & Parameters<typeof localDriver>[0];

/** How each driver is made. */
export const DRIVERS: Readonly<Record<RuntimeName, (given: Given) => Driver>> = {
  docker: composeDriver,
  embedded: localDriver,
};

/** What a command works on. */
export interface Opened {
  readonly driver: Driver;
  /** True where another `ws` has meanwhile started the cluster with other secrets. */
  readonly overtaken: () => Promise<boolean>;
  /** The other runtime, if it also runs a cluster of this project. */
  readonly other: () => Promise<RuntimeName | undefined>;
}

interface Needs {
  /** `engine`: it finds things by their labels, and no compose is needed. */
  readonly tool: "engine" | "compose";
  /** The command starts nodes: the runtime is always shown, and given secrets are used for a cluster that is down. */
  readonly announce?: boolean;
  /** The command applies a new project.name; others use the cluster that was started, whatever its name. */
  readonly renames?: boolean;
}

/** Reads config.yaml and picks the runtime; says which and why where that is no matter of course. */
export async function open(
  context: WsContext,
  options: GlobalOptions,
  { tool, announce = false, renames = false }: Needs,
): Attempt<Opened> {
  const loaded = loadSettings(context, options);
  if (!loaded.ok) return loaded;
  const { env: shell, dist, terminal } = context;
  const { stateDir } = options;
  const machine = options.runtime === "embedded" ? ok(undefined) : readMachine(stateDir);
  if (!machine.ok) return machine;
  if (machine.value !== undefined) return openMember(context, options, loaded.value, machine.value, tool);
  const last = lastUp(stateDir);
  const choice = await choose({
    asked: options.runtime,
    last: last?.runtime,
    embeddedRuns: () => isLocalRunning(stateDir),
    findTools: () => findTools(shell, tool),
  });
  if (!choice.ok) return choice;
  const { name, tools } = choice.value;
  sayChoice(context, choice.value, announce);
  const { projectName } = loaded.value;
  const former = last?.projectName === projectName ? undefined : last?.projectName;
  const docker = dockerRunner(shell);
  const runs: Readonly<Record<RuntimeName, () => boolean | Promise<boolean>>> = {
    docker: () => isDockerRunning(docker, { projectName: former ?? projectName }),
    embedded: () => isLocalRunning(stateDir),
  };
  const running = runs[name];
  const chosen = await accessTo(context, options, loaded.value, name, announce ? running : undefined);
  if (!chosen.ok) return chosen;
  if (name === "embedded" && process.platform !== "linux")
    return err({ reason: "unsupported-platform", platform: process.platform });
  const { env, secrets } = chosen.value;
  const keepsName = name === "docker" && former !== undefined && !renames;
  if (keepsName)
    terminal.err(
      `→ project.name is now ${projectName}; this command is about ${former}, which ws up started\n`,
    );
  const settings = keepsName ? { ...loaded.value, projectName: former } : loaded.value;
  // Without an engine no driver asks these.
  const { compose, host } = tools ?? { compose: ["docker", "compose"], host: "127.0.0.1" };
  const driver = DRIVERS[name]({
    ...{ ...options, settings, env, secrets, dist },
    engine: { docker, compose: composeRunner(compose, env), host },
    formerProject: renames ? former : undefined,
  });
  return ok({
    driver,
    overtaken: async () => differsFromKept(stateDir, name, secrets) && (await running()),
    other: async () => {
      for (const each of RUNTIMES) if (each !== name && (await runs[each]())) return each;
      return undefined;
    },
  });
}

/** What a command works on where this machine is a member. */
export interface MemberOpened extends Opened {
  readonly driver: MemberDriver;
  readonly engine: Engine;
  readonly info: EngineInfo | undefined;
  readonly settings: Settings & { readonly machine: MemberSettings };
}

/** The same on a machine that is, or is to be, a member of a cluster of several. */
export async function openMember(
  context: WsContext,
  options: GlobalOptions,
  settings: Settings,
  machine: Machine,
  tool: Needs["tool"],
): Attempt<MemberOpened> {
  const { env: shell } = context;
  const tools = await findTools(shell, tool);
  if (!tools.ok) return err({ reason: "runtime-not-available", runtime: "docker", why: tools.error });
  const { compose, host, info } = tools.value;
  const member = memberSettings(settings, machine, lookHere(options.stateDir));
  const access = await accessTo(context, options, member, "docker");
  if (!access.ok) return access;
  const { env } = access.value;
  const engine = { docker: dockerRunner(shell), compose: composeRunner(compose, env), host };
  const driver = memberDriver({ ...options, settings: member, env, secrets: {}, engine });
  const other = async () => (isLocalRunning(options.stateDir) ? "embedded" : undefined);
  return ok({ driver, overtaken: async () => false, other, engine, info, settings: member });
}

function sayChoice({ terminal }: WsContext, { name, why, obvious, tools }: Choice, announce: boolean): void {
  if (announce || !obvious) terminal.err(`→ Runtime: ${name} (${why})\n`);
  for (const line of tools?.warnings ?? []) terminal.err(`→ docker says: ${oneLine(line)}\n`);
}

export interface Surroundings {
  readonly asked: RuntimeName | undefined;
  /** Of the last `ws up` that no `ws down` has ended. */
  readonly last: RuntimeName | undefined;
  readonly embeddedRuns: () => boolean;
  readonly findTools: () => ReturnType<typeof findTools>;
}

interface Choice {
  readonly name: RuntimeName;
  readonly why: string;
  /** True where it was asked for, or is what one expects after the last `ws up`. */
  readonly obvious: boolean;
  readonly tools?: Tools;
}

/** A cluster that runs here, else the last one that was brought up, else docker where it answers. */
export async function choose(around: Surroundings): Attempt<Choice> {
  const { asked, last } = around;
  const embedded = (why: string, obvious: boolean) => ok({ name: "embedded", why, obvious } as const);
  if (asked === "embedded") return embedded("asked for with --runtime", true);
  if (asked === undefined && around.embeddedRuns())
    return embedded("its cluster runs; --runtime docker for the other one", last === "embedded");
  if (asked === undefined && last === "embedded")
    return embedded("the last ws up used it; --runtime docker for the other one", false);
  const found = await around.findTools();
  if (found.ok) {
    const { version, host } = found.value;
    const why = asked === "docker" ? "asked for with --runtime" : "an engine answers";
    const where = isRemote({ host }) ? `, on ${host}` : "";
    return ok({
      name: "docker",
      why: `${why}, version ${version}${where}`,
      tools: found.value,
      obvious: true,
    });
  }
  if (asked === "docker")
    return err({ reason: "runtime-not-available", runtime: "docker", why: found.error });
  // What that engine runs must not be taken for nothing.
  if (last === "docker") return err({ reason: "engine-away", why: found.error });
  return embedded(`no Docker here: ${found.error}`, false);
}
