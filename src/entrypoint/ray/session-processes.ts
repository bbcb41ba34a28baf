import { readdirSync, readFileSync } from "node:fs";
import { type Address, parseAddress } from "../../common/address.ts";
import { deadlineIn, pause } from "../../common/deadline.ts";

/** The living processes of a session (zombies are gone already), by field 6 of /proc/PID/stat (proc(5)). */
function livingInSession(session: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const stat = readStat(pid);
      return stat?.session === session && stat.state !== "Z" && stat.state !== "X";
    });
}

/** The process of the session that has this name; null where there is none. */
export function processNamed(session: number, name: string): number | null {
  return livingInSession(session).find((pid) => readStat(pid)?.name === name) ?? null;
}

/** What the processes of a Ray have on their command lines. */
export interface RayNames {
  /** The GCS of this node's cluster, on a HEAD its own; undefined as long as nobody names it. */
  readonly gcs: Address | undefined;
  /** The id of the node in its cluster, in hex; undefined as long as there is no raylet. */
  readonly nodeId: string | undefined;
}

/**
 * Both values are on the raylet's command line in Ray 2.40 to 2.60 (ray/_private/services.py, start_raylet). On a HEAD
 * the monitor, which starts as soon as the GCS serves, names the GCS seconds before. They belong to this session,
 * whatever else runs on this machine.
 */
export function rayNamesIn(session: number): RayNames {
  const pids = livingInSession(session);
  const raylet = pids.filter((pid) => readStat(pid)?.name === "raylet");
  const nodeId = /\0--node[_-]id=([0-9a-f]+)\0/.exec(raylet.map(readCommand).join(""))?.[1];
  const commands = [...raylet, ...pids].map(readCommand).join("");
  const gcs = parseAddress(/\0--gcs-address=([^\0]*)\0/.exec(commands)?.[1] ?? "");
  return { nodeId, gcs: gcs.ok ? gcs.value : undefined };
}

/** The command line of a process, each word followed by NUL; "" when it is gone. */
function readCommand(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** The state letter of a process (proc(5)): R, S, D, T, Z … Null when it is gone. */
export function stateOf(pid: number): string | null {
  return readStat(pid)?.state ?? null;
}

function readStat(pid: number): { name: string; state: string; session: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything, a ")" included.
    const end = stat.lastIndexOf(")");
    const [state = "", , , session] = stat.slice(end + 2).split(" ");
    return { name: stat.slice(stat.indexOf("(") + 1, end), state, session: Number(session) };
  } catch {
    return null;
  }
}

/** Sends SIGKILL to every process of the session. Returns how many took it. */
function killSession(session: number): number {
  return livingInSession(session).filter((pid) => signalProcess(pid, "SIGKILL")).length;
}

/**
 * Sends a signal. False where nobody took it: the process is gone already, which is what was wanted, or it is another
 * user's (a task that used sudo, say), which is not Ray's and not ours to end.
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

/**
 * Kills what is left of a session, also what is forked meanwhile, until nothing lives or `timeoutMs` is over.
 * Returns how many were killed and whether all are gone.
 */
export async function clearSession(
  session: number,
  timeoutMs: number,
): Promise<{ killed: number; clear: boolean }> {
  const deadline = deadlineIn(timeoutMs);
  let killed = 0;
  for (;;) {
    const now = killSession(session);
    killed = Math.max(killed, now);
    if (now === 0) return { killed, clear: true };
    if (deadline.expired()) return { killed, clear: false };
    await pause(20);
  }
}
