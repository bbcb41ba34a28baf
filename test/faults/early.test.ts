import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { formatAddress } from "../../src/common/address.ts";
import { kill } from "../fixtures/cluster/tagged.ts";
import type { Running } from "../fixtures/running.ts";
import { tcp } from "../fixtures/servers.ts";
import { until } from "../fixtures/until.ts";
import { noRay } from "./judge.ts";
import {
  BOOT_MS,
  CLEAR_MS,
  CPU,
  EXTRA,
  GPU,
  LEASE_MS,
  READY,
  sharedEmptyScene,
  startNode,
  within,
} from "./rig.ts";

/** What may come before a node is part of a cluster, one after the other in one scene, and a stop in each such state. */
const scene = sharedEmptyScene();

/** The matrix gives 2 s where a node waits; nowhere here is there a Ray to drain. */
const STOP_MS = 4_000;

async function stopsAtOnce(node: Running): Promise<void> {
  node.signal("SIGTERM");
  expect(await node.exit(STOP_MS)).toBe(0);
  expect(node.text.trimEnd().split("\n").at(-1)).toMatch(/^✓ Stopped on SIGTERM/);
  await noRay(scene(), [node.name], CLEAR_MS);
}

test("row 37: a stop while waiting for a HEAD ends the node at once", async () => {
  const node = startNode(scene(), EXTRA);
  await node.says("Waiting", 30_000);
  await stopsAtOnce(node);
});

test("a stop while requirements are installed ends pip and the node at once", async () => {
  let asked = false;
  const mute = await tcp((socket) =>
    socket.once("data", () => {
      asked = true;
    }),
  );
  onTestFinished(() => mute.stop());
  const file = join(scene().cluster.folder, "requirements.txt");
  writeFileSync(
    file,
    `--index-url http://${formatAddress(mute.address)}/simple\na-package-that-never-comes\n`,
  );

  const node = startNode(scene(), EXTRA, { RAY_EP_PIP_REQUIREMENTS: file });
  await until("pip to ask", () => asked);
  expect(
    scene()
      .cluster.ray(EXTRA)
      .map(({ command }) => command),
  ).toContainEqual(expect.stringContaining("-m pip install"));
  await stopsAtOnce(node);
});

test("row 30: the answer that granted the lease is lost: the grant is recognized", async () => {
  const link = scene().links[CPU];
  if (link === undefined) throw new Error("ray-cpu has no link");
  link.loses = /^PUT \/v1\/head /;
  const node = startNode(scene(), CPU);
  await until(
    "the service to grant",
    async () => (await scene().cluster.view()).holder?.node === CPU,
    30_000,
  );
  await until("the answer to be lost", () => link.lost > 0);
  await node.says("for the head lease (no-answer): no answer from", 10_000);
  expect(node.text).not.toContain("Mode: head");
  link.loses = null;

  await node.says("✓ Head lease granted", 10_000);
  await node.says(READY, BOOT_MS);
  expect((await scene().cluster.view()).holder).toMatchObject({ node: CPU, epoch: 1 });
});

test("a stop before Ray is started, while the health service dials back, ends the node at once", async () => {
  const link = scene().links[EXTRA];
  if (link === undefined) throw new Error("extra has no link");
  link.loses = /^POST \/v1\/reach /;
  const node = startNode(scene(), EXTRA, { NODE_MANAGER_PORT: String(scene().cluster.sparePort(EXTRA)) });
  await until("the question to be on its way", () => link.lost > 0, 30_000);
  await stopsAtOnce(node);
  link.loses = null;
  expect(node.text).not.toContain(" start --");
});

test("a stop while a node that failed waits for its next start ends it at once", async () => {
  const node = scene().cluster.process(CPU);
  let { mark } = node;
  for (const pause of ["restart 1 at once", "restart 2 in 1.0 s", "restart 3 in 2.0 s"]) {
    const leader = await until("`ray start`", () =>
      scene()
        .cluster.ray(CPU)
        .find(({ pid, session }) => pid === session),
    );
    kill(leader.pid, "SIGKILL");
    await node.says(pause, 15_000, mark);
    mark = node.mark;
  }
  await stopsAtOnce(node);
});

test("a HEAD that is killed while it boots is followed by the other candidate", async () => {
  const { cluster } = scene();
  await startNode(scene(), CPU).says("Mode: head", 30_000);
  await startNode(scene(), GPU).says("Waiting", 30_000);

  kill(cluster.process(CPU).pid, "SIGKILL");

  // It never served, so nothing but the end of its lease is waited for.
  expect(await cluster.becomes([GPU], within(scene(), LEASE_MS, 1))).toBe(GPU);
});

/** Each Python runs it at its start, where PYTHONPATH names its folder. */
const SLOW_AGENT = `
import os, sys, time
if os.path.exists(__file__ + ".on") and any(word.endswith("dashboard/agent.py") for word in sys.orig_argv):
    time.sleep(120)
`;

test("row 45: an agent is slower than Ray allows: the node says so, and is ready once the machine is less busy", async () => {
  const folder = join(scene().cluster.folder, "slow-agent");
  const program = join(folder, "sitecustomize.py");
  mkdirSync(folder);
  writeFileSync(program, SLOW_AGENT);
  writeFileSync(`${program}.on`, "");
  const node = startNode(scene(), EXTRA, { PYTHONPATH: folder });
  await node.says(/✗ Ray's raylet ended .*: Timed out waiting for file .*_agent_port_/, BOOT_MS);
  rmSync(`${program}.on`);
  await node.says(READY, within(scene(), 0, 2));
});
