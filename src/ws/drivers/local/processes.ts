import { readdirSync } from "node:fs";
import { readText } from "../../../common/auth-token.ts";

/** One process of this machine, from /proc (proc(5)). */
export interface ProcessInfo {
  readonly pid: number;
  readonly session: number;
  /** In clock ticks after boot. With the pid it names a process for good: pids come again, this pair does not. */
  readonly startTicks: number;
  readonly command: string;
  /** The service that the environment it was started with names, where that carries our label as well. */
  readonly service: string | undefined;
}

/** The variable that every process of a cluster carries, from the nodes down to Ray's workers. */
export const LABEL = "WS_CLUSTER";
/** Beside it: the service that it is a part of. */
export const SERVICE_LABEL = "WS_SERVICE";

/** Every living process whose /proc can be read; zombies are gone already. */
export function listProcesses(label: string): ProcessInfo[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name), label) ?? []);
}

/** One process, or undefined when it is gone. */
export function readProcess(pid: number, label: string): ProcessInfo | undefined {
  const stat = readProc(pid, "stat");
  if (stat === undefined) return undefined;
  // The name in parentheses may hold anything, a ")" included.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  const environment = (readProc(pid, "environ") ?? "").split("\0");
  const service = environment.find((entry) => entry.startsWith(`${SERVICE_LABEL}=`));
  return {
    pid,
    session: Number(fields[3]),
    startTicks: Number(fields[19]),
    command: (readProc(pid, "cmdline") ?? "").replaceAll("\0", " ").trim(),
    service: environment.includes(`${LABEL}=${label}`)
      ? (service ?? "").slice(SERVICE_LABEL.length + 1)
      : undefined,
  };
}

const readProc = (pid: number, file: string): string | undefined =>
  readText(`/proc/${pid}/${file}`) ?? undefined;

/**
 * The processes of the services that `wanted` names. Pure.
 * Some of Ray's parts overwrite the memory that holds their environment (setproctitle: the dashboard's and the agents'),
 * so the label alone misses them. They share the session of a labelled process, or of a recorded one that died.
 * A session whose leader lives and is a stranger is not taken: a labelled process may have been started by hand from there.
 */
export function clusterProcesses(
  all: readonly ProcessInfo[],
  recordedSessions: readonly number[],
  wanted: (service: string) => boolean = () => true,
): ProcessInfo[] {
  const isLabelled = ({ service }: ProcessInfo) => service !== undefined && wanted(service);
  const leaders = new Map(all.filter((each) => each.pid === each.session).map((each) => [each.pid, each]));
  const sessions = new Set([...recordedSessions, ...all.filter(isLabelled).map(({ session }) => session)]);
  const isOurs = (session: number): boolean => {
    const leader = leaders.get(session);
    return sessions.has(session) && (leader === undefined || isLabelled(leader));
  };
  return all.filter((each) => isLabelled(each) || isOurs(each.session));
}

/** Sends a signal; a process that is gone already is what was wanted. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
