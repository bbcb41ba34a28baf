import { readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { readText } from "../../../common/auth-token.ts";
import { listeningSockets } from "../../compose/read-host.ts";
import type { TakenPort } from "../../output/failure-texts.ts";
import type { PlannedPort } from "./plan.ts";
import { LABEL, SERVICE_LABEL } from "./processes.ts";

/**
 * The ports that cannot be bound now, with the process that holds them or the cause. Ports that a process of `ours`
 * holds count as free.
 */
export async function findTakenPorts(
  ports: readonly PlannedPort[],
  ours: ReadonlySet<number> = new Set(),
): Promise<TakenPort[]> {
  const tried = await Promise.all(ports.map(async (port) => ({ port, refusal: await refusalOf(port) })));
  return tried.flatMap(({ port, refusal }): TakenPort[] => {
    if (refusal === undefined) return [];
    if (refusal !== "EADDRINUSE") return [{ ...port, holder: undefined, why: whyNot(refusal) }];
    const holder = holderOf(port.port);
    if (holder !== undefined && ours.has(Number(holder))) return [];
    return [{ ...port, holder: holder === undefined ? "a process of another user" : describe(holder) }];
  });
}

/** Nobody has to hold a port that one cannot have. */
function whyNot(code: string): string {
  if (code === "EACCES") return "needs root, as the ports below 1024 do; choose a higher one";
  if (code === "EADDRNOTAVAIL") return "is at an address that this machine does not have";
  return `cannot be bound: ${code}`;
}

/** Binding is the only proof: a listener on every address blocks ours as well. Undefined: it can be had. */
function refusalOf({ host, port }: PlannedPort): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code ?? "unknown"));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** The process that listens on a port, where /proc lets us see it (our own processes, or all of them for root). */
function holderOf(port: number): string | undefined {
  const inodes = listeningSockets().flatMap((each) => (each.port === port ? [`socket:[${each.inode}]`] : []));
  return readdirSync("/proc").find((name) => /^\d+$/.test(name) && holdsOne(name, inodes));
}

const describe = (pid: string): string =>
  clusterOf(pid) ?? `process ${pid}: ${textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " ").slice(0, 80)}`;

/** If the process belongs to a cluster that ws started: which one, and how to end it. */
function clusterOf(pid: string): string | undefined {
  const environment = textOf(`/proc/${pid}/environ`).split("\0");
  const service = environment.find((each) => each.startsWith(`${SERVICE_LABEL}=`));
  if (service === undefined || !environment.some((each) => each.startsWith(`${LABEL}=`))) return undefined;
  const folder = linkOf(`/proc/${pid}/cwd`);
  return `${service.slice(SERVICE_LABEL.length + 1)} of another cluster, which ws --state ${dirname(folder)} down ends`;
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
}

/** A process may be gone by now. */
const textOf = (file: string): string => readText(file) ?? "";

function holdsOne(pid: string, inodes: readonly string[]): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) =>
      inodes.includes(readlinkSync(`/proc/${pid}/fd/${fd}`)),
    );
  } catch {
    return false;
  }
}
