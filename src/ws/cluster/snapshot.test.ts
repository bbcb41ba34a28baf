import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { leaseHealth } from "../../../test/fixtures/facts.ts";
import { statusOf as after } from "../../../test/fixtures/status.ts";
import type { Driver } from "../drivers/driver.ts";
import { statusOf } from "./snapshot.ts";

const own = after("ray-cpu", []);
const told = { ...own, restarts: 7 };
const report = { role: null, state: "deciding", head: null, advertise: null, nodeManagerPort: null };
const health = leaseHealth();
const view = health.kind === "lease" ? health.view : undefined;
const nodes = [{ name: "ray-cpu", seenAgo: 1, ...report, status: told }];
const server = createServer((_, response) => response.end(JSON.stringify({ ...view, nodes })));
afterEach(() => server.close());

const service = (startedAtMs: number) => ({ ref: "other", startedAtMs });

test.each([
  ["its own file, which is the newest", { "ray-cpu": JSON.stringify(own) }, "ray-cpu", undefined, own],
  ["the file of the container that has its name", { other: JSON.stringify(own) }, "ray-cpu", service(0), own],
  ["what it told the health service, where it has no file", {}, "ray-cpu", undefined, told],
  [
    "or where the file is an earlier life's",
    { other: JSON.stringify(own) },
    "ray-cpu",
    service(own.startedAt + 1),
    told,
  ],
  ["nothing of a node that has said nothing", {}, "ray-gpu", undefined, undefined],
] as const)("%s", async (_, files: Readonly<Record<string, string>>, name, listed, expected) => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const settings = { health: { externalUrl: `http://127.0.0.1:${port}` } };
  const driver = {
    settings,
    status: async (ref: string) => files[ref] ?? "",
    absent: (ref: string) => ({ ref }),
  };
  expect(await statusOf(driver as unknown as Driver, name, listed)).toEqual(expected);
});
