import { expect, test } from "vitest";
import { type ClusterReport, notAlive, type ServiceReport } from "../cluster/status.ts";
import { renderUp, withoutToken } from "./up.ts";

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
    "✓ The cluster is up already, nothing was changed. 1 node ALIVE, 4 CPUs: ray-cpu (HEAD)",
  );
});

test.each([
  ["on", "2.60.0", /^$/],
  ["on", "2.52.0", /^$/],
  ["on", "2.49.2", /Ray 2\.49\.2 has no token.* → Use a later Ray; until then auth: off/],
  ["off", "2.60.0", /Ray's token is off.* → Take auth: off out of config\.yaml/],
] as const)(
  "auth: %s with Ray %s: who can use the cluster is named where no token protects it",
  (auth, version, says) => {
    const head = {
      ...{
        node: "ray-cpu",
        address: { host: "127.0.0.1", port: 6379 },
        version,
        clusterId: "",
        sameCluster: undefined,
      },
      dashboardUrl: "http://localhost:8265",
      clientUrl: "ray://localhost:10001",
    };
    const found = withoutToken({ settings: { auth }, openAt: () => "192.0.2.7" }, { head });
    expect(found.map(({ problem, fix }) => `${problem} → ${fix}`).join()).toMatch(says);
    for (const { problem } of found)
      expect(problem).toContain("whoever reaches 192.0.2.7 at 6379, 8265, 10001 can run code on the cluster");
  },
);

test("what is planned and not ALIVE is named with what it is", () => {
  expect(notAlive(cluster, ["ray-cpu", "ray-gpu", "ray-other"])).toEqual([
    { node: "ray-gpu", state: "DEAD" },
    { node: "ray-other", state: "not there" },
  ]);
});
