import { type ChildProcess, spawn } from "node:child_process";
import { GUARD_PROGRAM, HAS_ACTED } from "./guard-program.ts";

const CLOCK = "/proc/uptime";
/** It takes some milliseconds; the limit allows for a very busy machine. */
const STAND_MS = 5000;

/** One guard, from its start to its end. */
export interface GuardProcess {
  readonly say: (word: string) => void;
  readonly kill: () => void;
  /** Null when it is running, otherwise why it is not. */
  readonly stands: Promise<string | null>;
  /** Null if it ended because its work was done, otherwise how it ended. */
  readonly ended: Promise<string | null>;
}

interface GuardStart {
  /** An open file that holds a lock; it must stay open as long as Ray may be alive. */
  readonly holds?: number | undefined;
  readonly bash?: string;
}

/** Starts the guard's program (guard-program.ts). Never throws. */
export function startGuard({ bash = "/bin/bash", holds }: GuardStart = {}): GuardProcess {
  try {
    return watched(spawnGuard(bash, holds), bash);
  } catch (error) {
    const cause = Promise.resolve(`${bash} cannot be started: ${(error as Error).message}`);
    return { say: () => {}, kill: () => {}, stands: cause, ended: cause };
  }
}

function spawnGuard(bash: string, holds: number | undefined): ChildProcess {
  // Without SHLVL, bash assumes a remote shell if its input is a socket, and runs ~/.bashrc first.
  return spawn(bash, ["--norc", "-c", GUARD_PROGRAM, "ray-guard", CLOCK], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit", ...(holds === undefined ? [] : [holds])],
    cwd: "/",
    // An empty environment: it runs nothing but bash, and bash settings from outside must not change what it does.
    env: {},
  });
}

function watched(child: ChildProcess, bash: string): GuardProcess {
  // After its work is done the guard no longer reads.
  child.stdin?.on("error", () => {});
  const ended = new Promise<string | null>((resolve) => {
    // If `error` is emitted, `exit` is not.
    child.once("error", (error) => resolve(`${bash} cannot be started: ${error.message}`));
    child.once("exit", (code, signal) =>
      resolve(code === HAS_ACTED ? null : `${bash} ended with ${signal ?? `exit code ${code}`}`),
    );
  });
  const spoke = new Promise<null>((resolve) => child.stdout?.once("data", () => resolve(null)));
  const late = setTimeout(() => child.kill("SIGKILL"), STAND_MS);
  const stands = Promise.race([spoke, ended]).finally(() => clearTimeout(late));
  return {
    say: (word) => void child.stdin?.write(`${word}\n`),
    kill: () => void child.kill("SIGKILL"),
    stands,
    ended,
  };
}
