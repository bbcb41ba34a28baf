import { createServer } from "node:https";
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, type TlsOptions } from "node:tls";
import type { Keys } from "../cluster/certificates.ts";
import type { Transport } from "./server.ts";

/** A client's hello and its answer to ours are two messages; Node's own limit is two minutes. */
const HANDSHAKE_TIMEOUT_MS = 5000;

/** What a server shows: the newest, also since it began; and to a client that names a CA (SNI) that one's. */
export interface Presented {
  readonly newest: Keys;
  readonly onNewest: (take: (keys: Keys) => void) => void;
  readonly named: (name: string) => Keys;
}

const MIN_VERSION = "TLSv1.3";

/** HTTP over TLS. `max`: of the handshakes under way; one more ends the oldest. */
export const overTls = (
  keys: Presented,
  max: number,
  handshakeTimeout = HANDSHAKE_TIMEOUT_MS,
): Transport => ({
  event: "secureConnection",
  create: (options) => {
    const SNICallback: TlsOptions["SNICallback"] = (name, done) => done(null, contextOf(keys.named(name)));
    const { newest } = keys;
    const server = createServer({
      ...options,
      ...newest,
      handshakeTimeout,
      minVersion: MIN_VERSION,
      SNICallback,
    });
    keys.onNewest((next) => server.setSecureContext({ ...next, minVersion: MIN_VERSION }));
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

const contexts = new WeakMap<Keys, SecureContext>();

function contextOf(keys: Keys): SecureContext {
  const context = contexts.get(keys) ?? createSecureContext({ ...keys, minVersion: MIN_VERSION });
  contexts.set(keys, context);
  return context;
}

/** The two ends of a connection have it in common; Node does not tell which TLS socket is on which other one. */
const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
