import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { Connections, maxConnections } from "./connections.ts";

class FakeSocket extends EventEmitter {
  destroyed = false;

  constructor() {
    super();
    // As Node's server does with each connection.
    this.on("data", () => {});
  }

  destroy(): void {
    this.destroyed = true;
    // Like a real socket, whose "close" event comes later.
    setImmediate(() => this.emit("close"));
  }
}

function opened(connections: Connections, count: number): FakeSocket[] {
  const sockets = Array.from({ length: count }, () => new FakeSocket());
  for (const socket of sockets) connections.add(socket as unknown as Socket);
  return sockets;
}

/** A request begins; the result ends its answer. */
function work(connections: Connections, socket: FakeSocket | undefined): () => void {
  const response = new EventEmitter();
  const request = { socket, headers: {} } as unknown as IncomingMessage;
  expect(connections.begin(request, response as unknown as ServerResponse)).toBe(true);
  return () => void response.emit("close");
}

const ended = (sockets: readonly FakeSocket[]) => sockets.map(({ destroyed }) => destroyed);

test("B3 the longest idle connection is closed first, and many new ones at once all find room", () => {
  const connections = new Connections(3);
  const [a, b, c] = opened(connections, 3) as [FakeSocket, FakeSocket, FakeSocket];
  const answerA = work(connections, a);
  work(connections, b);
  answerA();
  const [d] = opened(connections, 1) as [FakeSocket];
  expect(ended([a, b, c, d])).toEqual([false, false, true, false]);
  const [e, f] = opened(connections, 2) as [FakeSocket, FakeSocket];
  expect(ended([a, b, d, e, f])).toEqual([true, false, true, false, false]);
});

test("B3 if all are busy, the one whose answer takes longest is closed", () => {
  const connections = new Connections(3);
  const sockets = opened(connections, 3);
  for (const socket of sockets.toReversed()) work(connections, socket);
  opened(connections, 1);
  expect(ended(sockets)).toEqual([false, false, true]);
});

test("a connection that has ended is not counted", async () => {
  const connections = new Connections(2);
  const [a, b] = opened(connections, 2) as [FakeSocket, FakeSocket];
  a.destroy();
  await new Promise((resolve) => a.once("close", resolve));
  opened(connections, 1);
  expect(b.destroyed).toBe(false);
});

test("a process with a low limit of files keeps some for its state", () => {
  const limits =
    "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 4096                 files\n";
  expect(maxConnections(limits)).toBe(768);
  for (const unknown of [null, "Max open files            unlimited            unlimited            files\n"])
    expect(maxConnections(unknown)).toBe(3072);
});
