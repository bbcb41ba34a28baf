import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { bytesLeft, isFree } from "./preflight.ts";

test("a port is free when nothing listens there, also when it was let go only now", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const address = { host: "127.0.0.1", port };
  expect(await isFree(address, 0)).toBe(false);

  const asked = isFree(address, 20_000);
  server.close();
  expect(await asked).toBe(true);
});

test("an address that is not this machine's is left to Ray", async () => {
  expect(await isFree({ host: "192.0.2.1", port: 6379 }, 0)).toBe(true);
});

test("a folder that is not there yet has the room of the disk on which it would be", () => {
  expect(bytesLeft("/dev/shm/not/there/yet")).toBe(bytesLeft("/dev/shm"));
  expect(bytesLeft("/proc/self/stat/below-a-file")).toBeNull();
});
