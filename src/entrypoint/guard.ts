import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Reads one line for each sign of life: the milliseconds after which, without another, the session ($1) is killed. $2: the
 * same for the first, or nothing where only the end of its input counts. It needs nothing but bash, as it must work when
 * all else fails. Bash 5.2 times a `read` by the wall clock (lib/sh/timers.c), which somebody may set: so a read that timed
 * out is only a reason to look at the time since boot, and what it had read of a line is kept.
 */
export const GUARD_PROGRAM = `
trap '' HUP INT QUIT TERM USR1 USR2 TSTP TTIN TTOU
session=$1 limit=$2 why='the supervisor is gone' line= ends= wait=
while :; do
  if [ -n "$limit" ]; then
    read -r up _ < /proc/uptime
    now=$((10#\${up/./} * 10))
    [ -n "$ends" ] || ends=$((now + limit))
    left=$((ends - now))
    [ "$left" -gt 0 ] || { why='the head lease was not renewed in time'; break; }
    printf -v wait '%d.%03d' $((left / 1000)) $((left % 1000))
  fi
  read -r \${wait:+-t "$wait"} sign
  status=$?
  line=$line$sign
  [ "$status" -le 128 ] || continue
  [ "$line" = dismissed ] && exit 0
  [ "$status" -eq 0 ] || break
  limit=$line line= ends=
done
killed=0 round=0 found=1
while [ "$found" = 1 ] && [ "$round" -lt 100 ]; do
  found=0 round=$((round + 1))
  for stat in /proc/[0-9]*/stat; do
    { read -r line < "$stat"; } 2>/dev/null || continue
    fields=(\${line##*) })
    [ "\${fields[3]}" = "$session" ] && [ "\${fields[0]}" != Z ] || continue
    kill -KILL "\${line%% *}" 2>/dev/null && found=1 killed=1
  done
done
[ "$killed" = 0 ] || echo "✗ The guard killed Ray: $why" >&2
exit 3
`;

/** Its exit code when it has done its work. */
const HAS_ACTED = 3;
const STAND_AGAIN_MS = 1000;
const DISMISS_MS = 1000;

export interface GuardSettings {
  /** The session that holds Ray's processes. */
  readonly session: number;
  /** How long from now the session may live without a renewal of the head lease; null: only this process's end counts. */
  readonly limitMs: () => number | null;
  /** Called when the guard was ended by somebody else; another one takes its place. */
  readonly onLost: () => void;
}

/**
 * A small process beside this one that kills Ray's session when this one is gone or, with a limit, when the head lease
 * was not renewed in time, also where this process is stopped or its event loop hangs (FAULTS 4, rule 4; row 7).
 */
export class Guard {
  readonly #settings: GuardSettings;
  #child: ChildProcess;
  #over = false;

  constructor(settings: GuardSettings) {
    this.#settings = settings;
    this.#child = this.#stand();
  }

  /** False where this system has no bash. */
  get stands(): boolean {
    return this.#child.pid !== undefined;
  }

  /** The head lease was renewed: without another word the session is killed after `limitMs`. */
  renewed(limitMs: number): void {
    this.#child.stdin?.write(`${wholeMs(limitMs)}\n`);
  }

  /** Ends it without harm. To be called when nothing of the session lives any more. */
  async dismiss(): Promise<void> {
    this.#over = true;
    const child = this.#child;
    if (!this.stands || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.stdin?.end("dismissed\n");
    const late = setTimeout(() => child.kill("SIGKILL"), DISMISS_MS);
    await ended;
    clearTimeout(late);
  }

  #stand(): ChildProcess {
    const { session, limitMs } = this.#settings;
    const limit = limitMs();
    const words = ["ray-guard", String(session), limit === null ? "" : wholeMs(limit)];
    // A bash without SHLVL whose input is a socket takes itself for a remote shell and would run ~/.bashrc first.
    const child = spawn("/bin/bash", ["--norc", "-c", GUARD_PROGRAM, ...words], {
      detached: true,
      stdio: ["pipe", "ignore", "inherit"],
      cwd: "/",
      // It runs nothing but bash itself, and settings of bash in our environment must not change what it does.
      env: {},
    });
    // A guard that could not be started is told by `stands`; one that has done its work reads no more.
    child.on("error", () => {});
    child.stdin?.on("error", () => {});
    child.once("exit", (code) => code !== HAS_ACTED && this.#standAgain());
    return child;
  }

  #standAgain(): void {
    if (this.#over) return;
    this.#settings.onLost();
    setTimeout(() => {
      if (!this.#over) this.#child = this.#stand();
    }, STAND_AGAIN_MS);
  }
}

/** Bash counts in whole numbers. */
const wholeMs = (ms: number): string => String(Math.ceil(ms));
