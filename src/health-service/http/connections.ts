import type { Socket } from "node:net";

export interface ConnectionLimits {
  /** All connections together. */
  readonly most: number;
  /** Connections from one address: many nodes may be behind one NAT, each for the moment of one request. */
  readonly mostOfPeer: number;
}

/**
 * Enough for a thousand nodes at once, and some more. Other clients must not use up files and memory: a connection
 * with a partial request of the maximum size takes about 40 KB (Node 24).
 */
const MOST = 3072;

/**
 * The limits for this process. `limits` is the text of /proc/self/limits (Linux), null if there is none. Some files
 * are left for the process itself, such as the state.
 */
export function connectionLimits(limits: string | null): ConnectionLimits {
  const files = Number(/^Max open files\s+(\d+)/m.exec(limits ?? "")?.[1] ?? Number.POSITIVE_INFINITY);
  const most = Math.min(MOST, Math.floor(files * 0.75));
  return { most, mostOfPeer: Math.floor((most * 2) / 3) };
}

/** All connections, or those of one address. In each set the one that changed last is last. */
interface Line {
  readonly idle: Set<Socket>;
  readonly busy: Set<Socket>;
}

/**
 * Keeps the number of connections within its limits. It closes the longest idle one first and, if none is idle, the
 * one whose answer takes longest. So new requests are served, however many connections other clients hold open.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #all: Line = emptyLine();
  readonly #peers = new Map<string, Line>();
  /** The remote address of each connection, which a closed socket no longer has. */
  readonly #open = new Map<Socket, string>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Adds a new connection, and closes another one if there are too many. */
  add(socket: Socket): void {
    const peer = socket.remoteAddress ?? "";
    const line = this.#peers.get(peer);
    const { most, mostOfPeer } = this.#limits;
    if (line !== undefined && sizeOf(line) >= mostOfPeer) this.#endOldest(line);
    else if (this.#open.size >= most) this.#endOldest(this.#all);
    this.#open.set(socket, peer);
    for (const each of [this.#lineOf(peer), this.#all]) each.idle.add(socket);
    socket.once("close", () => this.#forget(socket));
  }

  /** A request of this connection has begun. */
  work(socket: Socket): void {
    this.#move(socket, "idle", "busy");
  }

  /** The answer on this connection is complete. */
  rest(socket: Socket): void {
    this.#move(socket, "busy", "idle");
  }

  #move(socket: Socket, from: keyof Line, to: keyof Line): void {
    const peer = this.#open.get(socket);
    if (peer === undefined) return;
    for (const line of [this.#lineOf(peer), this.#all]) {
      line[from].delete(socket);
      line[to].add(socket);
    }
  }

  #endOldest({ idle, busy }: Line): void {
    const [oldest = busy.values().next().value] = idle;
    if (oldest === undefined) return;
    oldest.destroy();
    this.#forget(oldest);
  }

  #forget(socket: Socket): void {
    const peer = this.#open.get(socket);
    if (peer === undefined) return;
    this.#open.delete(socket);
    const line = this.#lineOf(peer);
    for (const each of [line, this.#all]) {
      each.idle.delete(socket);
      each.busy.delete(socket);
    }
    if (sizeOf(line) === 0) this.#peers.delete(peer);
  }

  #lineOf(peer: string): Line {
    const line = this.#peers.get(peer) ?? emptyLine();
    this.#peers.set(peer, line);
    return line;
  }
}

const emptyLine = (): Line => ({ idle: new Set(), busy: new Set() });
const sizeOf = ({ idle, busy }: Line): number => idle.size + busy.size;
