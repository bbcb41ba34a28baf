import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { Connections, connectionLimits } from "./connections.ts";

class FakeSocket extends EventEmitter {
  destroyed = false;
  readonly remoteAddress: string;
  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }
  destroy(): void {
    this.destroyed = true;
    // Like a real socket, whose "close" event comes later.
    setImmediate(() => this.emit("close"));
  }
}

const asSocket = (socket: FakeSocket) => socket as unknown as Socket;

function opened(connections: Connections, peer: string, count: number): FakeSocket[] {
  const sockets = Array.from({ length: count }, () => new FakeSocket(peer));
  for (const socket of sockets) connections.add(asSocket(socket));
  return sockets;
}

const ended = (sockets: readonly FakeSocket[]) => sockets.map(({ destroyed }) => destroyed);

test("B3 the longest idle connection of a peer is closed first, and many new ones at once all find room", () => {
  const connections = new Connections({ most: 100, mostOfPeer: 3 });
  const [a, b, c] = opened(connections, "10.0.0.1", 3) as [FakeSocket, FakeSocket, FakeSocket];
  const neighbour = opened(connections, "10.0.0.2", 3);
  for (const socket of [a, b]) connections.work(asSocket(socket));
  connections.rest(asSocket(a));
  const [d] = opened(connections, "10.0.0.1", 1) as [FakeSocket];
  expect(ended([a, b, c, d])).toEqual([false, false, true, false]);
  const [e, f] = opened(connections, "10.0.0.1", 2) as [FakeSocket, FakeSocket];
  expect(ended([a, b, d, e, f])).toEqual([true, false, true, false, false]);
  expect(ended(neighbour)).toEqual([false, false, false]);
});

test("B3 if all are busy, the one whose answer takes longest is closed", () => {
  const connections = new Connections({ most: 3, mostOfPeer: 3 });
  const sockets = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].flatMap((peer) => opened(connections, peer, 1));
  for (const socket of sockets.toReversed()) connections.work(asSocket(socket));
  opened(connections, "10.0.0.4", 1);
  expect(ended(sockets)).toEqual([false, false, true]);
});

test("a connection that has ended is not counted", async () => {
  const connections = new Connections({ most: 2, mostOfPeer: 2 });
  const [a, b] = opened(connections, "10.0.0.1", 2) as [FakeSocket, FakeSocket];
  a.destroy();
  await new Promise((resolve) => a.once("close", resolve));
  opened(connections, "10.0.0.1", 1);
  expect(b.destroyed).toBe(false);
});

test("a process with a low limit of files keeps some for its state", () => {
  const limits =
    "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 4096                 files\n";
  expect(connectionLimits(limits)).toEqual({ most: 768, mostOfPeer: 512 });
  for (const unknown of [null, "Max open files            unlimited            unlimited            files\n"])
    expect(connectionLimits(unknown)).toEqual({ most: 3072, mostOfPeer: 2048 });
});
