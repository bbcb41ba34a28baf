import { expect, test } from "vitest";
import { type ClusterReport, notAlive, type ServiceReport } from "../cluster/status.ts";
import { renderUp } from "./up.ts";

const service = (name: string, change: Partial<ServiceReport>): ServiceReport => ({
  name,
  role: "worker",
  address: "127.28.0.3",
  state: "ALIVE",
  cpus: 4,
  version: "2.60.0",
  uptimeS: 1,
  pid: 1,
  ...change,
});

const cluster: ClusterReport = {
  runtime: "embedded",
  head: undefined,
  services: [
    service("health", { role: "health", state: "up", cpus: undefined }),
    service("ray-cpu", { role: "head" }),
    service("ray-gpu", { state: "DEAD" }),
  ],
};

test("a node that the GCS lists as DEAD is not counted as ALIVE", () => {
  expect(renderUp([], cluster)[0]).toBe(
    "✓ The cluster is up already, nothing was changed. 1 nodes ALIVE, 4 CPUs: ray-cpu (HEAD)",
  );
});

test("what is planned and not ALIVE is named with what it is", () => {
  expect(notAlive(cluster, ["ray-cpu", "ray-gpu", "ray-other"])).toEqual([
    { node: "ray-gpu", state: "DEAD" },
    { node: "ray-other", state: "not there" },
  ]);
});
