import { existsSync } from "node:fs";
import { execa } from "execa";
import { err, ok, type Result } from "../../../common/result.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A command that the engine or compose did not carry out, with its own words. */
export interface Refusal {
  readonly command: string;
  readonly lines: readonly string[];
}

export interface CommandOptions {
  /** Aborted: the command is asked to end. */
  readonly signal?: AbortSignal;
  /** Undefined: QUERY_MS for docker, no limit for compose. */
  readonly timeoutMs?: number;
  /** Gets each line of its output as it comes. */
  readonly onLine?: (line: string) => void;
  /** On top of the environment of `ws`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end; standard output and standard error come back as one text. */
export type RunCommand = (
  words: readonly string[],
  options?: CommandOptions,
) => Promise<Result<string, Refusal>>;

/** The Docker engine, through the programs that its users know. */
export interface Engine {
  readonly docker: RunCommand;
  /** `docker compose` or docker-compose, whichever is there. */
  readonly compose: RunCommand;
}

const ANSWER_MS = 8_000;
/** What a question may take (`docker ps`, `inspect`): an engine that hangs must not hold us with it. */
const QUERY_MS = 15_000;
/** What changes something, or hands over a whole log, takes its time. */
export const CHANGE_MS = 120_000;
/** After TERM, until whatever is left of a command gets KILL. */
const KILL_MS = 2_000;

/** The version of the engine that answers, or its own words on why none does. */
export async function engineVersion(docker: RunCommand): Promise<Result<string, string>> {
  const answer = await docker(["version", "--format", "{{.Server.Version}}"], { timeoutMs: ANSWER_MS });
  if (answer.ok) return ok(answer.value.trim().split("\n").at(-1) ?? "");
  return err(answer.error.lines.at(-1) ?? "no engine answers");
}

export interface Compose {
  readonly words: readonly string[];
  readonly version: string;
}

/** The words that begin a compose command: of the engine's plugin, else of the program that came before it. */
export async function findCompose(env: Environment): Promise<Result<Compose, string>> {
  for (const words of [["docker", "compose"], ["docker-compose"]]) {
    const version = await commandRunner(words, env)(["version", "--short"], { timeoutMs: ANSWER_MS });
    const said = version.ok ? (version.value.trim().split("\n").at(-1) ?? "") : "";
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

function commandRunner(prefix: readonly string[], env: Environment): RunCommand {
  return async (words, { signal, timeoutMs, onLine, env: extra } = {}) => {
    const [file = "", ...args] = [...prefix, ...words];
    const child = execa(file, args, {
      all: true,
      reject: false,
      stdin: "ignore",
      // A group of its own: Ctrl-C is ours to pass on, so that we can still clean up. And a plugin that docker started
      // holds its output: without the whole group's end we would wait for that one.
      killDescendants: true,
      forceKillAfterDelay: KILL_MS,
      cleanup: true,
      extendEnv: false,
      env: { ...env, ...extra },
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
      ...(signal === undefined ? {} : { cancelSignal: signal }),
    });
    if (onLine !== undefined) void forEachLine(child.iterable({ from: "all" }), onLine);
    const { all, failed, shortMessage, exitCode } = await child;
    if (!failed) return ok(all);
    const said = all.trim() === "" ? [] : all.trim().split("\n");
    const why = exitCode === undefined ? [shortMessage ?? "it could not be run"] : [];
    return err({ command: shown(prefix, words), lines: [...said, ...why] });
  };
}

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
