import * as z from "zod/mini";
import type { Environment } from "../../../common/environment.ts";
import { attempt, err, ok, type Result } from "../../../common/result.ts";
import { runProgram } from "../run-program.ts";
import { commandRunner, dockerRunner, type RunCommand } from "./engine.ts";

const ANSWER_MS = 8_000;

/** What a command has to work with. */
export interface Tools extends Answer {
  /** The words that begin a compose command. */
  readonly compose: readonly string[];
  /** The engine's machine as seen from here. */
  readonly host: string;
  readonly info?: EngineInfo | undefined;
}

/** The engine that answers and, where it is needed, the compose beside it, or in one line what is missing. */
export async function findTools(
  env: Environment,
  tool: "engine" | "compose",
): Promise<Result<Tools, string>> {
  const docker = dockerRunner(env);
  const needed = tool === "compose";
  const info = needed ? await readInfo(docker) : undefined;
  const [answer, compose, host] = await Promise.all([
    info ? ok({ version: info.ServerVersion, warnings: [] }) : findEngine(env),
    needed ? ((info && composePlugin(info)) ?? findCompose(env)) : ok({ words: ["docker", "compose"] }),
    engineHost(docker, env, info?.ClientInfo.Context),
  ]);
  if (!answer.ok) return answer;
  if (!compose.ok) return err(`engine ${answer.value.version} answers, but ${compose.error}`);
  return ok({ ...answer.value, compose: compose.value.words, host, info });
}

export interface Answer {
  readonly version: string;
  /** What docker writes to stderr although it succeeds, such as podman-docker's notice. */
  readonly warnings: readonly string[];
}

/** The engine that docker uses, or docker's own message on why none answers. */
export async function findEngine(env: Environment): Promise<Result<Answer, string>> {
  const words = ["docker", "version", "--format", "{{.Server.Version}}"];
  const { ok: answered, stdout, stderr } = await runProgram(words, { env, timeoutMs: ANSWER_MS });
  if (answered) return ok({ version: stdout.trim(), warnings: stderr });
  return err(stderr.at(-1) ?? "no engine answers");
}

const MaybeText = z.optional(z.string());
const Plugin = z.object({ Name: MaybeText, Path: MaybeText, Version: MaybeText });
/** What we read of `docker info`. */
const Info = z.object({
  ServerVersion: z.string().check(z.minLength(1)),
  SecurityOptions: z.nullish(z.array(z.string())),
  OperatingSystem: z.string(),
  DockerRootDir: z.string(),
  Runtimes: z.nullish(z.record(z.string(), z.unknown())),
  ClientInfo: z.object({ Context: z.string(), Plugins: z.nullish(z.array(Plugin)) }),
});
export type EngineInfo = z.infer<typeof Info>;

/** By one question what else takes three; undefined where no engine answers, or it is Podman's. */
export async function readInfo(docker: RunCommand): Promise<EngineInfo | undefined> {
  const said = await docker(["info", "--format", "{{json .}}"], { timeoutMs: ANSWER_MS });
  return said.ok ? attempt(() => Info.parse(JSON.parse(said.value))) : undefined;
}

const LOCAL = "127.0.0.1";

/**
 * Where docker finds its engine: DOCKER_HOST, DOCKER_CONTEXT, else the context that `docker context use` has chosen. `context`: its
 * name, where it is known.
 */
export async function engineHost(docker: RunCommand, env: Environment, context?: string): Promise<string> {
  if (!env.DOCKER_HOST && context === "default") return LOCAL;
  const ask = () => docker(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
  const answer = env.DOCKER_HOST ? ok(env.DOCKER_HOST) : await ask();
  const endpoint = answer.ok ? answer.value.trim() : "";
  // `ssh://user@host`, `tcp://host:2375`; a socket's path is this machine.
  if (!/^(?:tcp|https?|ssh):/.test(endpoint) || !URL.canParse(endpoint)) return LOCAL;
  const { hostname } = new URL(endpoint);
  return /^(?:|localhost|\[::1?\])$/.test(hostname) ? LOCAL : hostname;
}

/** The plugin itself: docker would ask it each time what it is. */
function composePlugin({ ClientInfo: { Plugins } }: EngineInfo) {
  const { Path: path, Version: version } = Plugins?.find(({ Name }) => Name === "compose") ?? {};
  return path === undefined || version === undefined ? undefined : ok({ words: [path], version });
}

/** The words that begin a compose command: of the engine's plugin, else of the program that came before it. */
export async function findCompose(env: Environment) {
  for (const words of [["docker", "compose"], ["docker-compose"]]) {
    const said = await commandRunner(words, env)(["version", "--short"], { timeoutMs: ANSWER_MS });
    const [, version] = (said.ok && /^v?(\d.*)$/.exec(said.value.trim())) || [];
    if (version !== undefined) return ok({ words, version });
  }
  return err("there is neither the plugin `docker compose` nor the program docker-compose");
}
