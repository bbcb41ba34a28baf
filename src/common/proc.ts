import { readdirSync } from "node:fs";
import { readText } from "./files.ts";

/* The processes of this machine, by /proc (proc(5)). */

export const pids = (): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** What counts of /proc/PID/stat; null when the process is gone. */
export function readStat(pid: number) {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The name in parentheses may hold anything, a ")" included.
  const end = stat.lastIndexOf(")");
  const fields = stat.slice(end + 2).split(" ");
  const [state = "", , , session] = fields;
  return {
    name: stat.slice(stat.indexOf("(") + 1, end),
    /** R, S, D, T, Z … */
    state,
    /** Zombies are gone already. */
    isAlive: !/[ZX]/.test(state),
    session: Number(session),
    /** In clock ticks after boot. With the pid it names a process for good: pids come again, this pair does not. */
    startTicks: Number(fields[19]),
  };
}

/** The command line of a process, each word followed by NUL; "" when it is gone. */
export const readCommand = (pid: number): string => readText(`/proc/${pid}/cmdline`) ?? "";

/**
 * Sends a signal. False where nobody took it: the process is gone already, which is what was wanted, or it is another
 * user's (a task that used sudo, say), which is not ours to end.
 */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
    return false;
  }
}
