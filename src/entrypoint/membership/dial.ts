import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Listens for a moment where Ray will, and says the nonce to whoever connects. Resolves with the function that ends it. */
export async function answerWith(nonce: string, host: string, port: number): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.end(nonce);
  });
  // A port that is taken is found by the dial, which meets another program there.
  server.on("error", () => {});
  await Promise.race([once(server.listen({ host, port }), "listening"), once(server, "error")]);
  return async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await once(server.close(), "close");
  };
}

/** For one connection. */
export const TIMEOUT_MS = 2000;

/** Null where something listens there, else the code of what was met. */
export function whyNotAt(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TIMEOUT_MS });
    const end = (why: string | null): void => {
      socket.destroy();
      resolve(why);
    };
    socket.once("connect", () => end(null));
    socket.once("timeout", () => end(`no answer in ${TIMEOUT_MS} ms`));
    socket.once("error", ({ code = "unknown" }: NodeJS.ErrnoException) => end(code));
  });
}
