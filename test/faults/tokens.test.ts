import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { FakeGcs } from "../fixtures/fake-gcs.ts";
import { BOOT_MS, boot, CPU, EXTRA, emptyScene, GPU, keep, startNode } from "./rig.ts";

const TOKEN = "a-token-that-must-not-show";
const AUTH = { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: TOKEN };

test("row 41: with RAY_AUTH_MODE=token the right token joins; a wrong or missing one ends clearly; no secret shows", async () => {
  const scene = keep(await emptyScene({ env: AUTH }));
  const { cluster } = scene;
  const bootMs = await boot(scene, CPU);
  // The matrix says 3 s; each of these is a Node that starts while another node's Ray boots.
  const endMs = 3_000 + Math.max(3_000, bootMs / 2);

  const file = join(cluster.folder, "token");
  writeFileSync(file, `${TOKEN}\n`);
  const right = startNode(scene, EXTRA, { RAY_AUTH_TOKEN: "", RAY_AUTH_TOKEN_PATH: file });
  const wrong = startNode(scene, GPU, { RAY_AUTH_TOKEN: "another-secret" });
  expect(await wrong.exit(endMs)).toBe(78);
  expect(wrong.text).toMatch(/refuses this node's token/);

  const missing = startNode(scene, GPU, { RAY_AUTH_TOKEN: "", RAY_AUTH_TOKEN_PATH: "/nonexistent" });
  expect(await missing.exit(endMs)).toBe(78);
  expect(missing.text).toContain("RAY_AUTH_TOKEN: expected a token");

  const without = startNode(scene, GPU, { RAY_AUTH_MODE: "", RAY_AUTH_TOKEN: "" });
  expect(await without.exit(endMs)).toBe(78);
  expect(without.text).toContain("Set RAY_AUTH_MODE=token");

  for (const { text } of [wrong, missing, without]) expect(text).not.toContain("restarting");
  await right.says("✓ Ray worker successfully joined the cluster!", BOOT_MS);
  for (const { text } of cluster.processes) expect(text).not.toMatch(/must-not-show|another-secret/);
  const commands = [CPU, EXTRA].flatMap((name) => cluster.ray(name).map(({ command }) => command));
  expect(commands.join("\n")).not.toContain(TOKEN);
});

test("row 41: a HEAD of another Ray version ends the worker clearly", async () => {
  const scene = keep(await emptyScene());
  const gcs = await FakeGcs.start({ ...scene.cluster.gcsAddress(CPU), version: "2.49.2" });
  onTestFinished(() => gcs.stop());
  const worker = startNode(scene, EXTRA);
  expect(await worker.exit(15_000)).toBe(78);
  expect(worker.text).toMatch(/runs Ray 2\.49\.2, this node Ray 2\./);
});

test("with a token on the health service a stranger cannot take the lease, and nodes with the file can", async () => {
  const secret = "the-health-token";
  const scene = keep(await emptyScene({ healthEnv: { RAY_EP_HEALTH_TOKEN: secret } }));
  const { cluster } = scene;
  const stranger = await fetch(`${cluster.healthUrl}/v1/head`, { method: "PUT", body: "{}" });
  expect(stranger.status).toBe(401);

  const file = join(cluster.folder, "health-token");
  writeFileSync(file, `${secret}\n`);
  const head = startNode(scene, CPU, { RAY_EP_HEALTH_TOKEN_FILE: file });
  await head.says("✓ Head lease granted", 30_000);
  head.signal("SIGINT");
  await head.exit();
  for (const { text } of cluster.processes) expect(text).not.toContain(secret);
});
