import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { MEMBERSHIP_FILE } from "../../src/common/protocol/join-protocol.ts";
import { eachRig } from "../fixtures/each-rig.ts";
import { MemberService } from "../fixtures/members.ts";
import { until } from "../fixtures/until.ts";

const rig = eachRig();

/** The ports of a raylet, which a fake one has not, for others to dial; returns what closes them. */
function raylet(name: string): () => void {
  const servers = [20_000, 20_001].map((port) => createServer().listen(port, rig.host(name)));
  const close = () => servers.forEach((server) => void server.close());
  onTestFinished(close);
  return close;
}

test("machine 1 lost with its HEAD and its health service: after a promotion machine 2 leads, and machine 1, back again, follows", async () => {
  const [first, second] = [await new MemberService().start(), new MemberService()];
  for (const each of [first, second]) onTestFinished(() => each.remove());
  const stateOf = (name: string) => join(rig.folder, `state-${name}`);
  const { word } = await first.token();
  const member = (name: string) =>
    rig.node(name, {
      ...{ HEAD_WHITELIST: "", HEALTH_URL: "", RAY_EP_STATE_DIR: stateOf(name), RAY_EP_STATE: "none" },
      ...{ RAY_EP_JOIN: word, RAY_EP_CANDIDATE: "true", RAY_EP_TAKEOVER_AFTER: "2" },
    });
  const cpu = member("ray-cpu");
  await cpu.says("✓ Ray cluster is ready!");
  const stopCpu = raylet("ray-cpu");
  const gpu = member("ray-gpu");
  await gpu.says("✓ Ray worker successfully joined the cluster!");

  const membership = () => JSON.parse(readFileSync(join(stateOf("ray-gpu"), MEMBERSHIP_FILE), "utf8"));
  second.belong(membership(), membership().ca);
  await second.start();
  await until("the member to hear of the other service", () => membership().services.length === 2);
  await first.stop();
  cpu.signal("SIGKILL");
  rig.rays.runs[0]?.die("SIGKILL");
  stopCpu();
  const promoted = await second.admin("POST", "/v1/promote", {});
  expect(promoted.body).toEqual({ term: 2, complete: false });
  await gpu.says("Mode: head", 40_000);
  const { holder } = (await second.admin("GET", "/v1/head")).body;
  expect([holder.node, holder.epoch > 1000]).toEqual(["ray-gpu", true]);

  await gpu.says("✓ Ray cluster is ready!");
  raylet("ray-gpu");
  await first.start();
  const back = member("ray-cpu");
  await back.says("✓ Ray worker successfully joined the cluster!");
  expect(back.stdout).toContain("Mode: worker");
  expect(first.process?.text).toContain("this service gives way");
});
