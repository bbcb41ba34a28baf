import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Enough for a thousand nodes at once; one with a partial request of the maximum size takes about 40 KB (Node 24). */
const MAX_CONNECTIONS = 3072;

/** By /proc/self/limits (Linux); the process needs a few files for itself. */
export function maxConnections(limits: string | null): number {
  const files = Number(/^Max open files\s+(\d+)/m.exec(limits ?? "")?.[1] ?? Number.POSITIVE_INFINITY);
  return Math.min(MAX_CONNECTIONS, Math.floor(files * 0.75));
}

const END_OF_HEAD = "\r\n\r\n";

/**
 * Keeps the number of connections within its limit, and lets each have one request at a time. A new one beyond the limit closes
 * the longest idle one, else the one whose answer takes longest; Node's `maxConnections` would turn the new ones away.
 *
 * Node parses thousands of pipelined requests of one chunk before it answers the first, and holds an answer for each. Here each
 * chunk is cut where a header may end, and a connection with a request ahead of an answer is read no further and closes after it.
 */
export class Connections {
  readonly #max: number;
  /** In each the one that changed last is last; a busy one with its answer under way. */
  readonly #idle = new Set<Socket>();
  readonly #busy = new Map<Socket, ServerResponse>();
  /** After their answer. */
  readonly #ending = new WeakSet<Socket>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Adds a new connection, once Node's server listens for its data. */
  add(socket: Socket): void {
    if (this.#idle.size + this.#busy.size >= this.#max) {
      const [oldest = this.#busy.keys().next().value] = this.#idle;
      oldest?.destroy();
      this.#forget(oldest);
    }
    this.#idle.add(socket);
    socket.once("close", () => this.#forget(socket));
    const [parse] = socket.listeners("data");
    if (parse === undefined) throw new Error("Node's HTTP server does not listen for the data of its socket");
    socket.removeAllListeners("data");
    socket.on("data", (chunk: Buffer) => {
      for (let start = 0; start < chunk.length && !this.#ending.has(socket) && !socket.destroyed; ) {
        const found = chunk.indexOf(END_OF_HEAD, start);
        const end = found < 0 ? chunk.length : found + END_OF_HEAD.length;
        parse.call(socket, chunk.subarray(start, end));
        start = end;
      }
    });
  }

  /** A request has begun. False where it is to be ignored, since the one before it is not answered yet. */
  begin(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket, headers } = request;
    const current = this.#busy.get(socket);
    // A body in thousands of chunks costs as much as thousands of requests, and no client of ours sends chunks.
    if (current !== undefined || headers["transfer-encoding"] !== undefined) {
      this.#ending.add(socket);
      socket.pause();
      (current ?? response).shouldKeepAlive = false;
    }
    if (!this.#idle.delete(socket)) return false;
    this.#busy.set(socket, response);
    response.once("close", () => {
      if (this.#ending.has(socket)) socket.destroySoon();
      if (this.#busy.delete(socket)) this.#idle.add(socket);
    });
    return true;
  }

  #forget(socket: Socket | undefined): void {
    if (socket === undefined) return;
    this.#idle.delete(socket);
    this.#busy.delete(socket);
  }
}
