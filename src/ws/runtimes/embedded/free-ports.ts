import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import type { TakenPort } from "../../failure.ts";
import type { PlannedPort } from "./plan.ts";

/** The ports among these that cannot be bound now, with who holds them. */
export async function findTakenPorts(ports: readonly PlannedPort[]): Promise<TakenPort[]> {
  const tried = await Promise.all(ports.map(async (port) => ({ port, free: await canBind(port) })));
  return tried.filter(({ free }) => !free).map(({ port }) => ({ ...port, holder: holderOf(port.port) }));
}

/** Binding is the only proof: a listener on every address blocks ours as well. */
function canBind({ host, port }: PlannedPort): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

const LISTEN = "0A";

/** The process that listens on a port, where /proc lets us see it (our own processes, or all of them for root). */
function holderOf(port: number): string | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = ["/proc/net/tcp", "/proc/net/tcp6"]
    .flatMap((file) => readFileSync(file, "utf8").split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN && fields[1]?.endsWith(`:${hex}`))
    .map((fields) => `socket:[${fields[9]}]`);
  if (inodes.length === 0) return undefined;
  const pid = readdirSync("/proc").find((name) => /^\d+$/.test(name) && holdsOne(name, inodes));
  if (pid === undefined) return "a process of another user";
  return `process ${pid}: ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").slice(0, 80)}`;
}

function holdsOne(pid: string, inodes: readonly string[]): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) =>
      inodes.includes(readlinkSync(`/proc/${pid}/fd/${fd}`)),
    );
  } catch {
    return false;
  }
}
