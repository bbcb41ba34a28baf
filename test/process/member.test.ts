import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eachRig } from "../fixtures/each-rig.ts";
import { CREDENTIAL, FakeCluster } from "../fixtures/fake-cluster.ts";
import type { Running } from "../fixtures/running.ts";
import { until } from "../fixtures/until.ts";

const rig = eachRig();
let cluster: FakeCluster;
let state: string;

beforeEach(async () => {
  const folder = join(rig.folder, "ca");
  mkdirSync(folder);
  state = join(rig.folder, "state");
  cluster = await new FakeCluster(folder, rig.healthHost, `ray-cpu=${rig.host("ray-cpu")}:6379`).open();
});
afterEach(() => cluster.close());

/** With nothing but the token; "": leaves the variable out. */
function member(env: Record<string, string> = {}, args: string[] = []): Running {
  const none = { HEAD_WHITELIST: " ", HEALTH_URL: "", NODE_IP_ADDRESS: rig.host("ray-cpu") };
  return rig.node(
    "ray-cpu",
    { ...none, RAY_EP_STATE_DIR: state, RAY_EP_JOIN: cluster.token(), ...env },
    args,
  );
}

test("a node with nothing but a token joins and leads; after a restart it is a member without it", async () => {
  const first = member({ RAY_EP_CANDIDATE: "true" });
  await first.says("✓ Ray cluster is ready!");
  expect(first.stdout).toContain("✓ Joined the cluster lab as ray-cpu");
  expect(statSync(join(state, "membership.json")).mode & 0o777).toBe(0o600);
  expect(statSync(join(state, "ray-token")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(state, "ray-token"), "utf8")).toBe("r4y-token-of-the-cluster");
  expect(
    cluster.seen.filter(({ path }) => path !== "/v1/join").map((each) => each.authorization),
  ).not.toContain(undefined);
  const [ray] = rig.rays.runs;
  const env = JSON.stringify(ray?.started.env);
  for (const secret of [CREDENTIAL, cluster.token(), "r4y-token"])
    expect(env + first.text).not.toContain(secret);
  expect(ray?.started.env.RAY_AUTH_MODE).toBe("token");
  first.signal("SIGTERM");
  await first.exit();
  cluster.answers.set("/v1/join", [403, { reason: "expired", message: "an hour ago" }]);
  const again = member({ RAY_EP_JOIN: "" });
  await again.says("✓ Ray cluster is ready!");
});

test("a member that is removed drains, stays idle, also after a restart, and joins again with another token", async () => {
  const first = member({ RAY_EP_CANDIDATE: "true" });
  await first.says("✓ Ray cluster is ready!");
  cluster.removed = true;
  await first.says("→ removal: draining and stopping Ray");
  await first.says("✗ ray-cpu was removed from the cluster lab: by `ws remove` on gpu01");
  await until("the end of Ray", () => rig.rays.runs.every(({ gone }) => gone));
  first.signal("SIGTERM");
  expect(await first.exit()).toBe(0);
  const again = member();
  await again.says("This node stays idle");
  again.signal("SIGTERM");
  expect(await again.exit()).toBe(0);
  cluster.removed = false;
  const anew = member({ RAY_EP_JOIN: cluster.token("another-secret-of-a-token") });
  await anew.says("✓ Ray cluster is ready!");
  expect(rig.rays.runs).toHaveLength(2);
});
