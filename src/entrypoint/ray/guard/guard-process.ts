import { spawn } from "node:child_process";

/** It takes some milliseconds; the limit allows for a very busy machine. */
const START_MS = 5000;
/** The program's exit code after it has killed the session. */
const HAS_ACTED = 3;

/**
 * The program of the guard (guard.ts). It uses only bash, because it must work when everything else fails. $1 is the
 * clock, a file like /proc/uptime, which includes time suspended. Each input line is a command: `session N` is the
 * session to kill; `until MS` is when to kill it, in milliseconds since boot, unless a later time follows;
 * `dismissed` ends the guard. At the end of its input it kills at once.
 *
 * It reads the clock every half second, because a `read` with a timeout stops while the machine is suspended. Bash
 * 5.2 also uses the wall clock for that timeout (lib/sh/timers.c), which may be set meanwhile, so a partly read line
 * is kept.
 */
export const GUARD_PROGRAM = `
trap '' HUP INT QUIT TERM USR1 USR2 TSTP TTIN TTOU
clock=$1 session= ends= why='the supervisor is gone' line= wait=
look() { read -r up _ < "$clock" && now=$((10#\${up/./} * 10)); }
look || exit 1
echo stands
while :; do
  if [ -n "$session" ] && [ -n "$ends" ]; then
    look || { why='the clock cannot be read'; break; }
    left=$((ends - now))
    [ "$left" -gt 0 ] || { why='the head lease was not renewed in time'; break; }
    [ "$left" -lt 500 ] || left=500
    printf -v wait '0.%03d' "$left"
  fi
  IFS= read -r \${wait:+-t "$wait"} word
  status=$?
  line=$line$word
  [ "$status" -le 128 ] || continue
  [ "$status" -eq 0 ] || break
  case $line in
    dismissed) exit 0 ;;
    session\\ *) session=\${line#* } ;;
    until\\ *) ends=\${line#* } ;;
  esac
  line=
done
[ -n "$session" ] || exit 0
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

/** One guard, from its start to its end. */
export interface GuardProcess {
  readonly say: (word: string) => void;
  readonly kill: () => void;
  /** Null when it is running, otherwise why it is not. */
  readonly stands: Promise<string | null>;
  /** Null if it ended because its work was done, otherwise how it ended. */
  readonly ended: Promise<string | null>;
}

/** Starts one. `holds`: open files with locks, which must stay open as long as Ray may be alive. Never throws. */
export function startGuard(holds: readonly number[] = [], bash = "/bin/bash"): GuardProcess {
  try {
    return run(bash, holds);
  } catch (error) {
    const cause = Promise.resolve(`${bash} cannot be started: ${(error as Error).message}`);
    return { say: () => {}, kill: () => {}, stands: cause, ended: cause };
  }
}

function run(bash: string, files: readonly number[]): GuardProcess {
  const child = spawn(bash, ["--norc", "-c", GUARD_PROGRAM, "ray-guard", "/proc/uptime"], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit", ...files],
    cwd: "/",
    // It runs nothing but bash, whose settings from outside must not change what it does. --norc: without SHLVL, bash
    // takes an input that is a socket for a remote shell and runs ~/.bashrc first.
    env: {},
  });
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
  const late = setTimeout(() => child.kill("SIGKILL"), START_MS);
  return {
    say: (word) => void child.stdin?.write(`${word}\n`),
    kill: () => void child.kill("SIGKILL"),
    stands: Promise.race([spoke, ended]).finally(() => clearTimeout(late)),
    ended,
  };
}
