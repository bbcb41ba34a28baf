import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { monotonicMs } from "../../src/common/deadline.ts";
import { eachRig } from "../fixtures/each-rig.ts";
import { lives } from "../fixtures/rig.ts";
import type { Running } from "../fixtures/running.ts";
import { until } from "../fixtures/until.ts";

/** Names in the hosts file, and a name server for all others that never answers. */
const rig = eachRig();
let silence: Socket;
let mounts: string;
let health: Running;

beforeEach(async () => {
  health = await rig.health();
  silence = createSocket("udp4");
  const server = rig.host("", 52);
  silence.bind(53, server);
  await once(silence, "listening");
  const [resolv, hosts] = [join(rig.folder, "resolv.conf"), join(rig.folder, "hosts")];
  writeFileSync(resolv, `nameserver ${server}\nnameserver ${server}\n`);
  writeFileSync(hosts, `${readFileSync("/etc/hosts", "utf8")}\n${rig.healthHost} health.test\n`);
  mounts = `mount --bind '${resolv}' /etc/resolv.conf\nmount --bind '${hosts}' /etc/hosts`;
});
afterEach(() => void silence.close());

const silentNames = (count: number) => Array.from({ length: count }, (_, i) => `silent-${i}.test`);

/** It looks at the health service and at these candidates, none of which is itself. */
const outsider = (candidates: readonly string[]) => ({
  HEALTH_URL: "http://health.test:8080",
  HEAD_WHITELIST: candidates.join(" "),
  RAY_EP_NODE_NAME: "outsider",
});

/** Its exit code and how long it took. The caller kills a process that does not end. */
async function stopped(running: Running): Promise<{ code: number | string | null; ms: number }> {
  const began = monotonicMs();
  running.signal("SIGTERM");
  await until("the end", () => !lives(running.pid));
  return { code: await running.exit(), ms: monotonicMs() - began };
}

describe.skipIf(process.getuid?.() !== 0)("with names of its own (root)", () => {
  test("D1 a healthy health service is up, even if the names of other candidates do not resolve", async () => {
    const node = rig.nodeApart(mounts, "ray-cpu", outsider(silentNames(12)));
    await node.says("Health service is ");
    expect(node.stdout).toContain("✓ Health service is up at http://health.test:8080");
  });

  test("D1 SIGTERM while names are looked up ends a node within two seconds", async () => {
    const node = rig.nodeApart(mounts, "ray-cpu", outsider(silentNames(3)));
    await node.says("✓ Health service is up");
    const { code, ms } = await stopped(node);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(2000);
    expect(node.stdout).toContain("✓ Stopped on SIGTERM");
    expect(node.stderr).toBe("");
  });

  test("D1 … and the health service, which dials back to a name", async () => {
    expect(health.running).toBe(true);
    const own = rig.healthApart(mounts, rig.host("", 110));
    const url = `http://${rig.host("", 110)}:8080`;
    await until("the service", () =>
      fetch(url).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    const send = (method: string, path: string, body: object) =>
      fetch(`${url}${path}`, {
        method,
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      });
    const report = { life: "l", role: null, state: "starting", head: null, advertise: "silent.test" };
    const noted = await send("PUT", "/v1/nodes/a", { ...report, nodeManagerPort: 7000 });
    expect(noted.status).toBe(200);
    const reached = await send("POST", "/v1/reach", { node: "a", life: "l", nonce: "12345678", port: 7000 });
    expect(await reached.json()).toMatchObject({ result: "timeout" });
    const { code, ms } = await stopped(own);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(2000);
  });
});
