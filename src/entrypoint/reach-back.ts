import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import type { ReachAnswer } from "../common/lease-protocol.ts";
import { err, type Result } from "../common/result.ts";
import type { Config } from "./config.ts";
import type { HealthClient } from "./health-client.ts";

/** The service dials for up to 3 s (health-server), and it may queue. */
const ANSWER_TIMEOUT_MS = 5000;

/**
 * Listens for a moment where this node's Ray will, and asks the health service to dial back by the name that this node
 * advertises. Null where nothing is advertised with a fixed port, so that there is nothing to check.
 */
export async function checkReachBack({
  config,
  life,
  client,
}: {
  config: Config;
  life: string;
  client: Pick<HealthClient, "reach">;
}): Promise<{ port: number; answer: Result<ReachAnswer, string> } | null> {
  const { NODE_IP_ADDRESS, NODE_MANAGER_PORT: port } = config.values;
  if (NODE_IP_ADDRESS === null || port === null) return null;
  const nonce = randomBytes(16).toString("hex");
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.end(nonce);
  });
  const obstacle = await listen(server, port);
  if (obstacle !== null) return { port, answer: err(obstacle) };
  const answer = await client.reach({ node: config.node, life, nonce, port }, ANSWER_TIMEOUT_MS);
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
