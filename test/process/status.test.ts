import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type NodeStatus, parseStatus } from "../../src/common/protocol/node-status.ts";
import { ClusterView } from "../../src/common/protocol/report-protocol.ts";
import { causeOf } from "../../src/ws/cluster/diagnosis.ts";
import { Rig } from "../fixtures/rig.ts";
import { until } from "../fixtures/until.ts";

let rig: Rig;
let file: string;
let env: { RAY_EP_STATUS_FILE: string };
beforeEach(async () => {
  rig = await new Rig().open();
  file = join(rig.folder, "status.json");
  env = { RAY_EP_STATUS_FILE: file };
});
afterEach(() => rig.close());

const status = (): NodeStatus | undefined =>
  existsSync(file) ? parseStatus(readFileSync(file, "utf8")) : undefined;

test("a node's status is the same in its file and in the health service's list, and says why it is late", async () => {
  await rig.health();
  const HEAD_ADDRESS = `${rig.host("ray-cpu")}:6379`;
  const RAY_EP_IMAGE = "rayproject/ray:2.60.0";
  const NODE_IP_ADDRESS = rig.host("", 9);
  rig.node("test-ray-worker", { ...env, HEAD_ADDRESS, NODE_IP_ADDRESS, RAY_EP_IMAGE, RAY_EP_LOG: "json" });
  await until("the node to wait", () => status()?.waits?.kind === "head");
  expect(status()).toMatchObject({ place: null, whitelist: ["ray-cpu", "ray-gpu"], decision: null });
  expect(status()?.image).toBe(RAY_EP_IMAGE);
  expect(causeOf(status(), [])).toBe(`no HEAD serves at ${HEAD_ADDRESS}; look at that node's log first`);
  await until("its report", async () => {
    const answer = await fetch(`http://${rig.healthHost}:8080/v1/cluster`);
    const { nodes } = ClusterView.parse(await answer.json());
    return JSON.stringify(nodes.map((node) => node.status)) === JSON.stringify([status()]);
  });
});

test("it stays when the process is gone, and the next one knows how it ended; a dry run leaves it alone", async () => {
  expect(await rig.node("ray-cpu", { ...env, RAY_EP_USER: "nobody-of-that-name" }).exit()).toBe(78);
  expect(status()?.failure).toMatchObject({ reason: "no-such-user", exitCode: 78 });
  expect(causeOf(status(), [])).toBe("the image has no user of that name; set RAY_EP_USER");
  expect(await rig.node("ray-cpu", { ...env, RAY_HEAD_PORT: "63x9" }).exit()).toBe(78);
  const last = status();
  expect(last).toMatchObject({ failure: { reason: "bad-configuration" }, fault: { reason: "no-such-user" } });
  expect(
    await rig.node("ray-cpu", { ...env, RAY_EP_USER: "nobody-of-that-name" }, ["--dry-run"]).exit(),
  ).toBe(78);
  expect(status()).toEqual(last);
});
