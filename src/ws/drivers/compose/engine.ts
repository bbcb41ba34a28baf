import { existsSync } from "node:fs";
import { err, ok, type Result } from "../../../common/result.ts";
import { type Environment, runProgram } from "../run-program.ts";

/** A command that the engine or compose did not carry out, with its own words. */
export interface Refusal {
  readonly command: string;
  readonly lines: readonly string[];
  /** Its output despite the failure, as when `docker inspect` misses one of several containers. */
  readonly stdout?: string;
}

export interface CommandOptions {
  /** Aborted: the command is asked to end. */
  readonly signal?: AbortSignal;
  /** Undefined: QUERY_MS for docker, no limit for compose. */
  readonly timeoutMs?: number;
  /** Gets each line of its output as it comes. */
  readonly onLine?: (line: string) => void;
  /** On top of the environment of `ws`. */
  readonly env?: Environment;
  /** The answer is stdout and stderr in order, as for `docker logs`; otherwise only stdout. */
  readonly both?: true;
}

/** Runs a program to its end and returns its stdout; its stderr is reported only if it fails. */
export type RunCommand = (
  words: readonly string[],
  options?: CommandOptions,
) => Promise<Result<string, Refusal>>;

/** The Docker engine, through the programs that its users know. */
export interface Engine {
  readonly docker: RunCommand;
  /** `docker compose` or docker-compose, whichever is there. */
  readonly compose: RunCommand;
  /**
   * The address of the engine's machine as seen from here: 127.0.0.1, or the host that DOCKER_HOST or docker's
   * context names.
   */
  readonly host: string;
}

const ANSWER_MS = 8_000;
/** What a question may take (`docker ps`, `inspect`): an engine that hangs must not hold us with it. */
const QUERY_MS = 15_000;
/** What changes something, or hands over a whole log, takes its time. */
export const CHANGE_MS = 120_000;

/** The engine that answers. */
export interface Answer {
  readonly version: string;
  /**
   * What docker writes to stderr although it succeeds, such as podman-docker's notice or a configuration that it
   * cannot read.
   */
  readonly warnings: readonly string[];
}

/** The engine that docker uses, or docker's own message on why none answers. */
export async function findEngine(env: Environment): Promise<Result<Answer, string>> {
  const words = ["docker", "version", "--format", "{{.Server.Version}}"];
  const { ok: answered, stdout, stderr } = await runProgram(words, { env, timeoutMs: ANSWER_MS });
  if (answered) return ok({ version: stdout.trim(), warnings: stderr });
  return err(stderr.at(-1) ?? "no engine answers");
}

/** Where docker finds its engine: DOCKER_HOST, DOCKER_CONTEXT, else the context that `docker context use` has chosen. */
export async function engineHost(docker: RunCommand, env: Environment): Promise<string> {
  if (env.DOCKER_HOST) return hostOf(env.DOCKER_HOST);
  const endpoint = await docker(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
  return endpoint.ok ? hostOf(endpoint.value.trim()) : LOCAL;
}

const LOCAL = "127.0.0.1";

/** The host in `ssh://user@host`, `tcp://host:2375`; this machine for a socket's path. Pure. */
function hostOf(endpoint: string): string {
  if (!/^(?:tcp|https?|ssh):/.test(endpoint) || !URL.canParse(endpoint)) return LOCAL;
  const { hostname } = new URL(endpoint);
  return /^(?:|localhost|\[::1?\])$/.test(hostname) ? LOCAL : hostname;
}

/** True if containers run on another machine than `ws`. Pure. */
export const isRemote = ({ host }: Pick<Engine, "host">): boolean => !/^127\./.test(host);

export interface Compose {
  readonly words: readonly string[];
  readonly version: string;
}

/** The words that begin a compose command: of the engine's plugin, else of the program that came before it. */
export async function findCompose(env: Environment): Promise<Result<Compose, string>> {
  for (const words of [["docker", "compose"], ["docker-compose"]]) {
    const version = await commandRunner(words, env)(["version", "--short"], { timeoutMs: ANSWER_MS });
    const said = version.ok ? version.value.trim() : "";
    if (/^v?\d/.test(said)) return ok({ words, version: said.replace(/^v/, "") });
  }
  return err("there is neither the plugin `docker compose` nor the program docker-compose");
}

export function dockerRunner(env: Environment): RunCommand {
  const run = commandRunner(["docker"], env);
  return (words, options) => run(words, { timeoutMs: QUERY_MS, ...options });
}

/** The same cluster, whose questions end when `signal` is aborted. Not for cleaning up, which comes after that. */
export const endingWith = <C extends { readonly engine: Engine }>(cluster: C, signal: AbortSignal): C => {
  const { engine } = cluster;
  const docker: RunCommand = (words, options) => engine.docker(words, { signal, ...options });
  return { ...cluster, engine: { ...engine, docker } };
};

/**
 * Compose goes on for a minute or two, starting one container after another. When `ws` is killed it must not go on alone,
 * so the kernel ends it with us (prctl(2), PR_SET_PDEATHSIG) where util-linux's setpriv is there to ask for that.
 */
export function composeRunner(words: readonly string[], env: Environment): RunCommand {
  const setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].find((file) => existsSync(file));
  return commandRunner(setpriv === undefined ? words : [setpriv, "--pdeathsig", "KILL", ...words], env);
}

/** The same command with other default variables. */
export const withEnvironment =
  (run: RunCommand, env: Environment): RunCommand =>
  (words, options = {}) =>
    run(words, { ...options, env: { ...env, ...options.env } });

function commandRunner(prefix: readonly string[], env: Environment): RunCommand {
  return async (words, options = {}) => {
    const run = { ...options, env: { ...env, ...options.env } };
    const { ok: done, stdout, stderr, all } = await runProgram([...prefix, ...words], run);
    if (done) return ok(options.both ? all : stdout);
    return err({ command: shown(prefix, words), lines: stderr, stdout });
  };
}

/** As a person would type it, short enough to read. */
const shown = (prefix: readonly string[], words: readonly string[]): string =>
  [...prefix.filter((word) => !/setpriv|pdeathsig|^KILL$/.test(word)), ...words].join(" ").slice(0, 200);
