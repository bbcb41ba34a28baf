import { type ChildProcess, spawn } from "node:child_process";
import { bootMs, pause } from "../common/deadline.ts";
import { RENEW_DEADLINE_S } from "../common/lease-protocol.ts";
import { GUARD_PROGRAM, HAS_ACTED } from "./guard-program.ts";

const BASH = "/bin/bash";
const CLOCK = "/proc/uptime";
/** It takes some milliseconds; a machine may be a thousand times busier than that. */
const STAND_MS = 5000;
const STAND_AGAIN_MS = 1000;
const DISMISS_MS = 1000;

export interface GuardSettings {
  /** Until when Ray may live without a renewal of the head lease, in milliseconds since boot; null: without end. */
  readonly untilMs: () => number | null;
  /** Hears why no guard stands, once for each time that one was lost; null: one stands again. */
  readonly onChange: (cause: string | null) => void;
  /** Hears that none could be set again by the moment at which the lost one would have killed. */
  readonly onGone: (cause: string) => void;
  /** An open file that is to stay open for as long as Ray may live: a lock goes with it. */
  readonly holds?: number;
  readonly bash?: string;
}

/**
 * A small process beside this one that kills Ray's session when this one is gone or, with a time, when the head lease was
 * not renewed by then, also where this process is stopped, its event loop hangs, or the machine has slept. One that ends,
 * or that cannot be started, is tried again each second.
 */
export class Guard {
  /** Resolves with null when the first one stands, else with why it does not. */
  readonly stands: Promise<string | null>;
  readonly #settings: GuardSettings;
  readonly #over = new AbortController();
  readonly #kept: Promise<void>;
  #child: ChildProcess | null = null;
  #session: number | null = null;
  /** When the one that was lost would have killed, in milliseconds since boot; null while one stands. */
  #missedFromMs: number | null = null;

  constructor(settings: GuardSettings) {
    this.#settings = settings;
    const first = Promise.withResolvers<string | null>();
    this.stands = first.promise;
    this.#kept = this.#keep(first.resolve);
  }

  /** From now on this session is the one to kill. */
  watch(session: number): void {
    this.#session = session;
    this.#say(`session ${session}`);
  }

  /** The head lease was renewed: without another word the session is killed at `untilMs`, in milliseconds since boot. */
  renewed(untilMs: number): void {
    this.#say(`until ${Math.floor(untilMs)}`);
  }

  /** Ends it without harm. To be called when nothing of the session lives any more. */
  async dismiss(): Promise<void> {
    this.#over.abort();
    this.#say("dismissed");
    const late = setTimeout(() => this.#child?.kill("SIGKILL"), DISMISS_MS);
    await this.#kept;
    clearTimeout(late);
  }

  #say(word: string): void {
    this.#child?.stdin?.write(`${word}\n`);
  }

  async #keep(onFirst: (cause: string | null) => void): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const end = await this.#stand(onFirst);
      if (end === null) return;
      if (!signal.aborted) await pause(this.#miss(end), signal);
    }
  }

  /** The life of one. Resolves with why it stands no more; null where its work is done. */
  async #stand(onFirst: (cause: string | null) => void): Promise<string | null> {
    const guard = start(this.#settings.bash ?? BASH, this.#settings.holds);
    this.#child = guard.child;
    const cause = await guard.stands;
    onFirst(cause);
    if (cause === null) this.#introduce();
    const end = await guard.ended;
    this.#child = null;
    return end;
  }

  /** Tells a new one all that it has to know. */
  #introduce(): void {
    const untilMs = this.#settings.untilMs();
    if (untilMs !== null) this.renewed(untilMs);
    if (this.#session !== null) this.watch(this.#session);
    if (this.#missedFromMs !== null) this.#settings.onChange(null);
    this.#missedFromMs = null;
  }

  /** Returns how long to wait for the next try. */
  #miss(cause: string): number {
    const { untilMs, onChange, onGone } = this.#settings;
    if (this.#missedFromMs === null) onChange(cause);
    this.#missedFromMs ??= untilMs() ?? bootMs() + RENEW_DEADLINE_S * 1000;
    const leftMs = this.#missedFromMs - bootMs();
    if (leftMs <= 0) onGone(cause);
    return leftMs > 0 ? Math.min(leftMs, STAND_AGAIN_MS) : STAND_AGAIN_MS;
  }
}

interface Started {
  readonly child: ChildProcess | null;
  /** Null when it stands, else why it does not. */
  readonly stands: Promise<string | null>;
  /** Null when it ended because its work was done, else how it ended. */
  readonly ended: Promise<string | null>;
}

function start(bash: string, holds: number | undefined): Started {
  try {
    return watched(spawnGuard(bash, holds), bash);
  } catch (error) {
    const cause = Promise.resolve(`${bash} cannot be started: ${(error as Error).message}`);
    return { child: null, stands: cause, ended: cause };
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

function watched(child: ChildProcess, bash: string): Started {
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
  return { child, stands, ended };
}
