import type { Socket } from "node:net";

export interface ConnectionLimits {
  /** All connections together. */
  readonly most: number;
  /** Those of one address: many nodes may stand behind one NAT, each for the moment of one request. */
  readonly mostOfPeer: number;
}

/**
 * A thousand nodes at once with room to spare; more are strangers, who must not use up files and memory. One that has sent
 * as much of a request as may be sent takes some 40 KB (Node 24).
 */
const MOST = 3072;

/**
 * What this process may have. `limits` is the text of /proc/self/limits (Linux), null where there is none: files of its
 * own, the state among them, must be left.
 */
export function connectionLimits(limits: string | null): ConnectionLimits {
  const files = Number(/^Max open files\s+(\d+)/m.exec(limits ?? "")?.[1] ?? Number.POSITIVE_INFINITY);
  const most = Math.min(MOST, Math.floor(files * 0.75));
  return { most, mostOfPeer: Math.floor((most * 2) / 3) };
}

/** The connections of everybody, or of one address; in each set the one that changed last stands last. */
interface Line {
  readonly idle: Set<Socket>;
  readonly busy: Set<Socket>;
}

/**
 * Keeps the number of connections within its limits: the longest idle one goes first, and only where none is idle the one
 * whose answer takes longest. So whoever asks now is served, however many connections strangers hold open.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #all: Line = emptyLine();
  readonly #peers = new Map<string, Line>();
  /** The address that each came from: a closed socket no longer tells. */
  readonly #open = new Map<Socket, string>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Takes in a new connection, and ends another one where there are too many. */
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

  /** Its answer is over. */
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
