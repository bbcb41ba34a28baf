import { createServer } from "node:https";
import type { Socket } from "node:net";
import type { Transport } from "./server.ts";

/** A client's hello and its answer to ours are two messages; Node's own limit is two minutes. */
const HANDSHAKE_TIMEOUT_MS = 5000;

/** HTTP over TLS. `max`: of the handshakes under way; one more ends the oldest. */
export const overTls = (
  keys: { readonly cert: string; readonly key: string },
  max: number,
  handshakeTimeout = HANDSHAKE_TIMEOUT_MS,
): Transport => ({
  event: "secureConnection",
  create: (options) => {
    const server = createServer({ ...options, ...keys, handshakeTimeout, minVersion: "TLSv1.3" });
    const shaking = new Map<string, Socket>();
    server.on("connection", (socket: Socket) => {
      const [oldest] = shaking.values();
      if (shaking.size >= max) oldest?.destroy();
      const peer = peerOf(socket);
      shaking.set(peer, socket);
      socket.once("close", () => shaking.get(peer) === socket && shaking.delete(peer));
    });
    server.on("secureConnection", (socket) => void shaking.delete(peerOf(socket)));
    return server;
  },
});

/** The two ends of a connection have it in common; Node does not tell which TLS socket is on which other one. */
const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
