import { type Address, parseAddress } from "../../common/address.ts";
import { deadlineIn, pause } from "../../common/deadline.ts";
import { pids, readCommand, readStat, signalProcess } from "../../common/proc.ts";

/** True where any process of this machine has that text among its words. */
export const isOnACommandLine = (text: string): boolean =>
  pids().some((pid) => readCommand(pid).includes(text));

/** The living processes of a session. */
const livingInSession = (session: number) =>
  pids().flatMap((pid) => {
    const stat = readStat(pid);
    return stat?.session === session && stat.isAlive ? [{ pid, name: stat.name }] : [];
  });

/** The process of the session that has this name; null where there is none. */
export const processNamed = (session: number, name: string): number | null =>
  livingInSession(session).find((each) => each.name === name)?.pid ?? null;

/** What the processes of a Ray say on their command lines. */
export interface RayNames {
  /** The GCS of this node's cluster, on a HEAD its own; undefined as long as nobody names it. */
  readonly gcs: Address | undefined;
  /** Undefined as long as there is none. */
  readonly raylet: Raylet | undefined;
}

/** The raylet of a node; no Ray starts a second one. */
export interface Raylet {
  /** The id of the node in its cluster, in hex. */
  readonly nodeId: string;
  /** True where it ended and `ray start`, which leads the session, did not: where both ended, the exit code of `ray start` says more. */
  readonly endedAlone: () => boolean;
}

/**
 * Both values are on the raylet's command line in Ray 2.40 to 2.60 (ray/_private/services.py, start_raylet). On a HEAD
 * the monitor, which starts as soon as the GCS serves, names the GCS seconds before.
 */
export function rayNamesIn(session: number): RayNames {
  const all = livingInSession(session).map((each) => ({ ...each, command: readCommand(each.pid) }));
  const raylet = all.find(({ name }) => name === "raylet");
  const commands = (raylet?.command ?? "") + all.map(({ command }) => command).join("");
  const gcs = parseAddress(/\0--gcs-address=([^\0]*)\0/.exec(commands)?.[1] ?? "");
  const nodeId = /\0--node[_-]id=([0-9a-f]+)\0/.exec(raylet?.command ?? "")?.[1];
  const lives = (pid: number) => readStat(pid)?.isAlive === true;
  const endedAlone = () => raylet !== undefined && !lives(raylet.pid) && lives(session);
  return {
    gcs: gcs.ok ? gcs.value : undefined,
    raylet: nodeId === undefined ? undefined : { nodeId, endedAlone },
  };
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
