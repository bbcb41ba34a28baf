import { spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { describeFailure } from "../../failure.ts";
import { findTakenPorts } from "./taken-ports.ts";

async function listening(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test("a port that is taken names its holder", async () => {
  const port = await listening();
  expect(await findTakenPorts([{ host: "127.0.0.1", port, use: "GCS" }])).toMatchObject([
    { port, holder: expect.stringContaining(`process ${process.pid}`) },
  ]);
});

test("the holder is the one at that address, whoever has the port at another", async () => {
  const port = await listening();
  const program = `require("net").createServer().listen(${port}, "127.0.0.2", () => console.log("listens"))`;
  const other = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void other.kill());
  await once(other.stdout, "data");
  const ports = ["127.0.0.1", "127.0.0.2"].map((host) => ({ host, port, use: "dashboard" }));
  expect(await findTakenPorts(ports, [process.pid])).toMatchObject([
    { host: "127.0.0.2", holder: expect.stringContaining(`process ${other.pid}`) },
  ]);
});

test("one that cannot be had for another reason is not called taken", async () => {
  const ports = await findTakenPorts([{ host: "192.0.2.1", port: 6379, use: "GCS" }]);
  expect(ports).toMatchObject([{ holder: undefined }]);
  expect(describeFailure({ reason: "ports-taken", ports }).lines.join("\n")).toContain(
    "192.0.2.1:6379 (GCS) is at an address that this machine does not have",
  );
});
