import { existsSync } from "node:fs";
import type { Environment } from "../../../common/environment.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import type { WsFailure } from "../../failure.ts";
import { likelyCause } from "../causes.ts";
import { type RunOptions, runProgram } from "../run-program.ts";

/** A command that the engine or compose did not carry out, with its own words. */
export interface Refusal extends Extract<WsFailure, { reason: "engine-refused" }> {
  /** Its output despite the failure, as when `docker inspect` misses one of several containers. */
  readonly stdout: string;
}

interface CommandOptions extends Pick<RunOptions, "signal" | "timeoutMs" | "onLine"> {
  readonly env?: Environment;
  /** The answer is stdout and stderr in order, as for `docker logs`; otherwise only stdout. */
  readonly both?: true;
}

/** Returns the stdout of a program; its stderr is reported only if it fails. */
export type RunCommand = (
  words: readonly string[],
  options?: CommandOptions,
) => Promise<Result<string, Refusal>>;

/** The Docker engine, through the programs that its users know. */
export interface Engine {
  readonly docker: RunCommand;
  readonly compose: RunCommand;
  /** The engine's machine as seen from here: 127.0.0.1, or the host that DOCKER_HOST or docker's context names. */
  readonly host: string;
}

export const refusal = (command: string, lines: readonly string[], stdout = ""): Refusal => ({
  ...{ reason: "engine-refused", command, lines, stdout, cause: likelyCause(lines) },
});

/** What a question may take (`docker ps`, `inspect`): an engine that hangs must not hold us with it. */
const QUERY_MS = 15_000;
/** What changes something, or hands over a whole log, takes its time. */
export const CHANGE_MS = 120_000;

/** True if containers run on another machine than `ws`. Pure. */
export const isRemote = ({ host }: Pick<Engine, "host">): boolean => !/^127\./.test(host);

export function dockerRunner(env: Environment): RunCommand {
  const run = commandRunner(["docker"], env);
  return (words, options) => run(words, { timeoutMs: QUERY_MS, ...options });
}

/** The same engine, whose answers end when `signal` is aborted. */
export const endingWith = (engine: Engine, signal: AbortSignal): Engine => ({
  ...engine,
  docker: (words, options) => engine.docker(words, { signal, ...options }),
});

/** A compose that `ws` leaves behind when it is killed would go on: setpriv has the kernel end it (PR_SET_PDEATHSIG). */
export function composeRunner(words: readonly string[], env: Environment): RunCommand {
  const setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].find((file) => existsSync(file));
  return commandRunner(words, env, setpriv === undefined ? [] : [setpriv, "--pdeathsig", "KILL"]);
}

export const commandRunner =
  (program: readonly string[], env: Environment, before: readonly string[] = []): RunCommand =>
  async (words, options = {}) => {
    const command = [...program, ...words];
    const run = { ...options, env: { ...env, ...options.env } };
    const { ok: done, stdout, stderr, all } = await runProgram([...before, ...command], run);
    if (done) return ok(options.both ? all : stdout);
    // As a person would type it, short enough to read.
    return err(refusal(command.join(" ").slice(0, 200), stderr, stdout));
  };
