import { type ChildProcess, spawn } from "node:child_process";
import { GUARD_PROGRAM, HAS_ACTED } from "./guard-program.ts";

const CLOCK = "/proc/uptime";
/** It takes some milliseconds; a machine may be a thousand times busier than that. */
const STAND_MS = 5000;

/** One guard, from its start to its end. */
export interface GuardProcess {
  readonly say: (word: string) => void;
  readonly kill: () => void;
  /** Null when it stands, else why it does not. */
  readonly stands: Promise<string | null>;
  /** Null when it ended because its work was done, else how it ended. */
  readonly ended: Promise<string | null>;
}

interface GuardStart {
  /** An open file that is to stay open for as long as Ray may live: a lock goes with it. */
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
  // A bash without SHLVL whose input is a socket takes itself for a remote shell and would run ~/.bashrc first.
  return spawn(bash, ["--norc", "-c", GUARD_PROGRAM, "ray-guard", CLOCK], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit", ...(holds === undefined ? [] : [holds])],
    cwd: "/",
    // It runs nothing but bash itself, and settings of bash in our environment must not change what it does.
    env: {},
  });
}

function watched(child: ChildProcess, bash: string): GuardProcess {
  // One that has done its work reads no more.
  child.stdin?.on("error", () => {});
  const ended = new Promise<string | null>((resolve) => {
    // With an `error` there is no `exit`.
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
