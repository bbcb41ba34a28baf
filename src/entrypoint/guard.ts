import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Reads one line for each sign of life: the seconds after which, without another, the session ($1) is killed. $2: the same
 * for the first, or nothing where only the end of its input counts. It needs nothing but bash, as it must work when all
 * else fails.
 */
const PROGRAM = `
trap '' HUP INT QUIT TERM USR1 USR2 TSTP TTIN TTOU
session=$1 limit=$2 why='the supervisor is gone' status=0
while [ "$status" -eq 0 ]; do
  read -r \${limit:+-t "$limit"} sign
  status=$?
  [ "$sign" = dismissed ] && exit 0
  [ "$status" -ne 0 ] || limit=$sign
done
[ "$status" -le 128 ] || why="the head lease was not renewed in time"
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
`;

/**
 * A small process beside this one that kills Ray's session when this one is gone or, with a limit, when the head lease
 * was not renewed in time, also where this process is stopped or its event loop hangs (FAULTS 4, rule 4; row 7).
 */
export class Guard {
  readonly #child: ChildProcess;

  /** `session` holds Ray's processes. `limitMs` null: only the end of this process counts. */
  constructor(session: number, limitMs: number | null) {
    const limit = limitMs === null ? "" : secondsOf(limitMs);
    this.#child = spawn("/bin/bash", ["-c", PROGRAM, "ray-guard", String(session), limit], {
      detached: true,
      stdio: ["pipe", "ignore", "inherit"],
      cwd: "/",
    });
    // A guard that could not be started is told by `stands`; one that has done its work reads no more.
    this.#child.on("error", () => {});
    this.#child.stdin?.on("error", () => {});
  }

  /** False where this system has no bash. */
  get stands(): boolean {
    return this.#child.pid !== undefined;
  }

  /** The head lease was renewed: without another word the session is killed after `limitMs`. */
  renewed(limitMs: number): void {
    this.#child.stdin?.write(`${secondsOf(limitMs)}\n`);
  }

  /** Ends it without harm. To be called when nothing of the session lives any more. */
  async dismiss(): Promise<void> {
    if (!this.stands || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end("dismissed\n");
    await ended;
  }
}

/** As bash's `read -t` takes them; 0 would only ask whether there is something to read. */
const secondsOf = (ms: number): string => (Math.max(ms, 1) / 1000).toFixed(3);
