import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { ReachAnswer } from "../../../common/protocol/reach.ts";
import { err, type Result } from "../../../common/result.ts";
import type { Config } from "../../config/config.ts";
import type { HealthClient } from "../../lease/health-client.ts";

/** The service dials for up to 3 s (health-service), and it may queue. */
const ANSWER_TIMEOUT_MS = 5000;

/**
 * Listens for a moment where this node's Ray will, and asks the health service to dial back by the name that this node
 * advertises. Null where nothing is advertised with a fixed port, so that there is nothing to check.
 */
export async function checkReachBack({
  config,
  runId,
  health,
  reported,
}: {
  config: Config;
  runId: string;
  health: Pick<HealthClient, "reach">;
  /** Resolves when the service has heard of this node: it dials for no other. */
  reported: Promise<void>;
}): Promise<{ port: number; answer: Result<ReachAnswer, string> } | null> {
  const { NODE_IP_ADDRESS, NODE_MANAGER_PORT: port } = config.values;
  if (NODE_IP_ADDRESS === null || port === null) return null;
  await reported;
  const { randomBytes } = await import("node:crypto");
  const nonce = randomBytes(16).toString("hex");
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.end(nonce);
  });
  const obstacle = await listen(server, port);
  if (obstacle !== null) return { port, answer: err(obstacle) };
  const answer = await health.reach({ node: config.node, life: runId, nonce, port }, ANSWER_TIMEOUT_MS);
  // A peer of an earlier Ray that dials this port speaks first and never lets go; the port must be Ray's now.
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  return { port, answer };
}

async function listen(server: Server, port: number): Promise<string | null> {
  server.listen({ port, host: "0.0.0.0" });
  try {
    await once(server, "listening");
    return null;
  } catch (error) {
    return `this node cannot listen on it: ${(error as NodeJS.ErrnoException).code}`;
  }
}
