import { existsSync } from "node:fs";
import { execa } from "execa";
import { err, ok, type Result } from "../../../common/result.ts";

type Environment = Readonly<Record<string, string | undefined>>;

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
/** After TERM, until whatever is left of a command gets KILL. */
const KILL_MS = 2_000;

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
  const { ok: answered, stdout, stderr } = await run(words, env, { timeoutMs: ANSWER_MS });
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
    const { ok: done, stdout, stderr, all } = await run([...prefix, ...words], env, options);
    if (done) return ok(options.both ? all : stdout);
    return err({ command: shown(prefix, words), lines: stderr, stdout });
  };
}

interface Ended {
  readonly ok: boolean;
  readonly stdout: string;
  /** Its lines. For a failed command also the cause, and its stdout if stderr was empty. */
  readonly stderr: readonly string[];
  readonly all: string;
}

async function run(
  [file = "", ...args]: readonly string[],
  env: Environment,
  { signal, timeoutMs, onLine, env: extra }: CommandOptions,
): Promise<Ended> {
  const child = execa(file, args, {
    all: true,
    reject: false,
    stdin: "ignore",
    // A process group of its own: we pass Ctrl-C on ourselves, so that we can still clean up. Plugins that docker
    // started keep its output open, so the whole group must be ended.
    killDescendants: true,
    forceKillAfterDelay: KILL_MS,
    cleanup: true,
    extendEnv: false,
    env: { ...env, ...extra },
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  if (onLine !== undefined) void forEachLine(child.iterable({ from: "all" }), onLine);
  const { all, stdout, stderr, failed, shortMessage, exitCode } = await child;
  if (!failed) return { ok: true, stdout, stderr: linesOf(stderr), all };
  const why = exitCode === undefined ? [shortMessage ?? "it could not be run"] : [];
  const said = stderr.trim() === "" ? all : stderr;
  return { ok: false, stdout, stderr: [...linesOf(said), ...why], all };
}

const linesOf = (text: string): string[] => (text.trim() === "" ? [] : text.trim().split("\n"));

async function forEachLine(lines: AsyncIterable<string>, onLine: (line: string) => void): Promise<void> {
  try {
    for await (const line of lines) onLine(line);
  } catch {
    // The command failed; whoever awaits it hears of that.
  }
}

/** As a person would type it, short enough to read. */
const shown = (prefix: readonly string[], words: readonly string[]): string =>
  [...prefix.filter((word) => !/setpriv|pdeathsig|^KILL$/.test(word)), ...words].join(" ").slice(0, 200);
