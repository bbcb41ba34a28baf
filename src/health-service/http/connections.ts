import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { oneAtATime } from "./one-at-a-time.ts";

/**
 * Enough for a thousand nodes at once, and some more. Other clients must not use up files and memory: a connection
 * with a partial request of the maximum size takes about 40 KB (Node 24).
 */
const MAX_CONNECTIONS = 3072;

/**
 * How many connections this process may have. `limits` is the text of /proc/self/limits (Linux), null if there is
 * none. Some files are left for the process itself, such as the state.
 */
export function maxConnections(limits: string | null): number {
  const files = Number(/^Max open files\s+(\d+)/m.exec(limits ?? "")?.[1] ?? Number.POSITIVE_INFINITY);
  return Math.min(MAX_CONNECTIONS, Math.floor(files * 0.75));
}

/**
 * Keeps the number of connections within its limit. It closes the longest idle one first and, if none is idle, the one
 * whose answer takes longest. So new requests are served, however many connections other clients hold open; Node's own
 * `maxConnections` would turn the new ones away.
 */
export class Connections {
  readonly #max: number;
  /** In each set the one that changed last is last. */
  readonly #idle = new Set<Socket>();
  readonly #busy = new Set<Socket>();
  readonly #begin = new WeakMap<Socket, ReturnType<typeof oneAtATime>>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Adds a new connection, and closes another one if there are too many. */
  add(socket: Socket): void {
    if (this.#idle.size + this.#busy.size >= this.#max) {
      const [oldest = this.#busy.values().next().value] = this.#idle;
      oldest?.destroy();
      this.#forget(oldest);
    }
    this.#idle.add(socket);
    this.#begin.set(socket, oneAtATime(socket));
    socket.once("close", () => this.#forget(socket));
  }

  /** A request has begun. False where it is to be ignored, since the one before it is not answered yet. */
  begin(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request;
    if (!this.#begin.get(socket)?.(request, response)) return false;
    this.#move(socket, this.#idle, this.#busy);
    response.once("close", () => this.#move(socket, this.#busy, this.#idle));
    return true;
  }

  #move(socket: Socket, from: Set<Socket>, to: Set<Socket>): void {
    if (from.delete(socket)) to.add(socket);
  }

  #forget(socket: Socket | undefined): void {
    if (socket === undefined) return;
    this.#idle.delete(socket);
    this.#busy.delete(socket);
  }
}
