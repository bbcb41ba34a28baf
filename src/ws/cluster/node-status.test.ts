import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { leaseHealth } from "../../../test/fixtures/facts.ts";
import { statusOf as after } from "../../../test/fixtures/status.ts";
import type { Driver } from "../drivers/driver.ts";
import { statusOf } from "./node-status.ts";

const own = after("ray-cpu", []);
const told = { ...own, restarts: 7 };
const report = { role: null, state: "deciding", head: null, advertise: null, nodeManagerPort: null };
const health = leaseHealth();
const view = health.kind === "lease" ? health.view : undefined;
const nodes = [{ name: "ray-cpu", seenAgo: 1, ...report, status: told }];
const server = createServer((_, response) => response.end(JSON.stringify({ ...view, nodes })));
afterEach(() => server.close());

test.each([
  ["its own file, which is the newest", JSON.stringify(own), "ray-cpu", 0, own],
  ["what it told the health service, where it has no file", "", "ray-cpu", 0, told],
  ["or where the file is an earlier life's", JSON.stringify(own), "ray-cpu", own.startedAt + 1, told],
  ["nothing of a node that has said nothing", "", "ray-gpu", 0, undefined],
])("%s", async (_, file, name, startedAtMs, expected) => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const settings = { health: { externalUrl: `http://127.0.0.1:${port}` } };
  const driver = { settings, status: async () => file, refOf: (node: string) => node };
  expect(await statusOf(driver as unknown as Driver, name, startedAtMs)).toEqual(expected);
});
