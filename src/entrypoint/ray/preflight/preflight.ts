import { once } from "node:events";
import { statfsSync } from "node:fs";
import { createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import type { Address } from "../../../common/address.ts";
import { deadlineIn, pause } from "../../../common/deadline.ts";
import type { Failure } from "../../../common/failure.ts";
import type { ReachAnswer } from "../../../common/protocol/reach-protocol.ts";
import { err, type Result } from "../../../common/result.ts";
import type { Config } from "../../config/config.ts";
import type { HealthClient } from "../../lease/health-client.ts";
import type { Event } from "../../output/event.ts";
import type { Plan } from "../command.ts";
import type { SessionFolder } from "./session-folder.ts";

export interface PreflightDeps {
  readonly config: Config;
  readonly runId: string;
  /** Null: it has dialled back already, at the gate of its cluster. */
  readonly health: Pick<HealthClient, "reach"> | null;
  readonly log: (event: Event) => void;
}

/** What just ends on this machine lets go of its port in less. */
const PORT_TIMEOUT_MS = 3000;
const LOOK_EVERY_MS = 100;
/** A session's logs take about that much in its first minute. */
const MIN_DISK = 16 * 2 ** 20;
/** The service dials for up to 3 s (health-service), and it may queue. */
const ANSWER_TIMEOUT_MS = 5000;

/** Does what `Ray.prepare` says. */
export async function preflight(
  plan: Plan,
  folder: SessionFolder,
  reported: Promise<void>,
  deps: PreflightDeps,
): Promise<Failure | null> {
  await archive(folder, deps.log);
  warnOfDisk(folder.path, deps.log);
  const reach = await checkReachBack(reported, deps);
  if (reach !== null) deps.log({ type: "reach-back", ...reach });
  const free = plan.role === "worker" || (await isFree(plan.ready.gcs, PORT_TIMEOUT_MS));
  return free ? null : { reason: "port-taken", address: plan.ready.gcs };
}

async function archive(folder: SessionFolder, log: PreflightDeps["log"]): Promise<void> {
  const { path } = folder;
  const { names, obstacle, neighbour } = await folder.archive();
  if (names.length > 0) log({ type: "sessions-archived", folder: path, names });
  if (neighbour)
    log({
      type: "warning",
      what: `another node's Ray uses ${path} as well (two containers that mount it, or two nodes on one machine), so the old sessions in it are kept`,
      fix: "Mount a separate folder there for each container, or give Ray another folder: -- --temp-dir=PATH.",
    });
  if (obstacle !== null)
    log({
      type: "warning",
      what: `sessions of earlier runs in ${path} could not be archived: ${obstacle}`,
      fix: "See that the disk has room and that this user may write there.",
    });
}

/** Ray on a full disk waits a minute for a GCS that could not start, and does not say why (2.60). */
function warnOfDisk(folder: string, log: PreflightDeps["log"]): void {
  const left = bytesLeft(folder);
  if (left === null || left >= MIN_DISK) return;
  const mib = (left / 2 ** 20).toFixed(1);
  log({
    type: "warning",
    reason: "disk-full",
    what: `the disk of ${folder} has ${mib} MiB left, and Ray may not start`,
    fix: "Make room there, or have Ray use another folder (--temp-dir).",
  });
}

/** The bytes that are left on the disk of a folder, which need not exist yet; null where that cannot be known. */
export function bytesLeft(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return missing && folder !== dirname(folder) ? bytesLeft(dirname(folder)) : null;
  }
}

/**
 * Listens for a moment where this node's Ray will, and asks the health service to dial back by the name that is
 * advertised; null where none is, with a fixed port, or it did so already. `reported`: the service dials only for nodes that it has heard of.
 */
async function checkReachBack(
  reported: Promise<void>,
  { config, runId, health }: PreflightDeps,
): Promise<{ port: number; answer: Result<ReachAnswer, string> } | null> {
  const { NODE_IP_ADDRESS, NODE_MANAGER_PORT: port } = config.values;
  if (health === null || NODE_IP_ADDRESS === null || port === null) return null;
  await reported;
  const { randomBytes } = await import("node:crypto");
  const nonce = randomBytes(16).toString("hex");
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.end(nonce);
  });
  const obstacle = await listen(server, { host: "0.0.0.0", port });
  if (obstacle !== null) return { port, answer: err(`this node cannot listen on it: ${obstacle}`) };
  const answer = await health.reach({ node: config.node, life: runId, nonce, port }, ANSWER_TIMEOUT_MS);
  // A peer of an earlier Ray that dials this port speaks first and never lets go; the port must be Ray's now.
  for (const socket of sockets) socket.destroy();
  await close(server);
  return { port, answer };
}

/**
 * Whether a program of this machine could listen there, at the latest after `timeoutMs`. Ray's own answer to a port that
 * is taken comes after 45 s, deep in a trace (2.60). A name that is not this machine's own is left to Ray.
 */
export async function isFree({ host, port }: Address, timeoutMs: number): Promise<boolean> {
  const deadline = deadlineIn(timeoutMs);
  for (;;) {
    const server = createServer();
    const obstacle = await listen(server, { host, port });
    if (obstacle === null) await close(server);
    if (obstacle !== "EADDRINUSE") return true;
    if (deadline.expired()) return false;
    await pause(LOOK_EVERY_MS);
  }
}

/** The code of what prevents it; null when the server listens. */
async function listen(server: Server, at: ListenOptions): Promise<string | null> {
  server.listen(at);
  try {
    await once(server, "listening");
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  }
}

const close = (server: Server) => new Promise((resolve) => server.close(resolve));
