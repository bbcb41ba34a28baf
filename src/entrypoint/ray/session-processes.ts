import { readdirSync } from "node:fs";
import { type Address, parseAddress } from "../../common/address.ts";
import { readText } from "../../common/auth-token.ts";
import { deadlineIn, pause } from "../../common/deadline.ts";

const allPids = (): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** The fields of /proc/PID/stat that count here (proc(5)); null when the process is gone. */
function readStat(pid: number) {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The name in parentheses may hold anything, a ")" included.
  const end = stat.lastIndexOf(")");
  const [state = "", , , session] = stat.slice(end + 2).split(" ");
  return { name: stat.slice(stat.indexOf("(") + 1, end), state, session: Number(session) };
}

/** The command line of a process, each word followed by NUL; "" when it is gone. */
const readCommand = (pid: number): string => readText(`/proc/${pid}/cmdline`) ?? "";

/** The state letter of a process (proc(5)): R, S, D, T, Z … Null when it is gone. */
export const stateOf = (pid: number): string | null => readStat(pid)?.state ?? null;

/** True where any process of this machine has that text among its words. */
export const isOnACommandLine = (text: string): boolean =>
  allPids().some((pid) => readCommand(pid).includes(text));

/** The living processes of a session; zombies are gone already. */
const livingInSession = (session: number) =>
  allPids().flatMap((pid) => {
    const stat = readStat(pid);
    return stat?.session === session && !/[ZX]/.test(stat.state) ? [{ pid, name: stat.name }] : [];
  });

/** The process of the session that has this name; null where there is none. */
export const processNamed = (session: number, name: string): number | null =>
  livingInSession(session).find((each) => each.name === name)?.pid ?? null;

/** What the processes of a Ray say on their command lines. */
export interface RayNames {
  /** The GCS of this node's cluster, on a HEAD its own; undefined as long as nobody names it. */
  readonly gcs: Address | undefined;
  /** The id of the node in its cluster, in hex; undefined as long as there is no raylet. */
  readonly nodeId: string | undefined;
}

/**
 * Both values are on the raylet's command line in Ray 2.40 to 2.60 (ray/_private/services.py, start_raylet). On a HEAD
 * the monitor, which starts as soon as the GCS serves, names the GCS seconds before.
 */
export function rayNamesIn(session: number): RayNames {
  const all = livingInSession(session).map(({ pid, name }) => ({ name, command: readCommand(pid) }));
  const raylet = all.find(({ name }) => name === "raylet")?.command ?? "";
  const commands = raylet + all.map(({ command }) => command).join("");
  const gcs = parseAddress(/\0--gcs-address=([^\0]*)\0/.exec(commands)?.[1] ?? "");
  return {
    gcs: gcs.ok ? gcs.value : undefined,
    nodeId: /\0--node[_-]id=([0-9a-f]+)\0/.exec(raylet)?.[1],
  };
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
export async function clearSession(session: number, timeoutMs: number) {
  const deadline = deadlineIn(timeoutMs);
  let killed = 0;
  for (;;) {
    const now = livingInSession(session).filter(({ pid }) => signalProcess(pid, "SIGKILL")).length;
    killed = Math.max(killed, now);
    if (now === 0 || deadline.expired()) return { killed, clear: now === 0 };
    await pause(20);
  }
}
