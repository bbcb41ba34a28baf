import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Certificates } from "../fixtures/certificates.ts";
import { realRay } from "../fixtures/cluster/real-ray.ts";
import { TestCluster } from "../fixtures/cluster/test-cluster.ts";
import { until } from "../fixtures/until.ts";

const [HEAD, WORKER, LATE] = ["ray-cpu", "ray-gpu", "ray-late"] as const;

/** Every address that a node of these clusters may have; Ray's processes use them. */
const LOOPBACK = Array.from({ length: 250 }, (_, net) =>
  [3, 4, 5].map((host) => `127.${net}.0.${host}`),
).flat();

test("A8 real Ray under TLS: HEAD and WORKER are ready and watched, a task runs; who speaks no TLS ends with 78", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const env = new Certificates(folder).env(["localhost", "127.0.0.1", ...LOOPBACK]);
  const binDir = await realRay();
  const cluster = await TestCluster.open({ binDir, candidates: [HEAD, WORKER], others: [LATE], env });
  await cluster.health();
  const head = cluster.node(HEAD);
  await head.says("✓ Ray cluster is ready!");
  const worker = cluster.node(WORKER);
  await worker.says("✓ Ray worker successfully joined the cluster!");
  expect(await cluster.becomes([HEAD, WORKER])).toBe(HEAD);

  const nodes = await cluster.gcs(HEAD).nodes(5000);
  if (!nodes.ok) throw new Error(nodes.error.kind);
  const driver = cluster.driver(HEAD, [
    "each",
    ...nodes.value.filter(({ alive }) => alive).map(({ nodeId }) => nodeId),
  ]);
  expect(await driver.exit()).toBe(0);

  const late = cluster.node(LATE, { RAY_USE_TLS: "0" });
  expect(await late.exit()).toBe(78);
  expect(late.text).toContain("speaks TLS, and this node does not");

  // The watch sees through TLS, too: a raylet that is gone is seen, and a HEAD that comes back is followed.
  const seen = head.mark;
  process.kill(cluster.part(HEAD, "raylet").pid, "SIGKILL");
  await until("the HEAD to be back", () => head.since(seen).includes("✓ Ray cluster is ready!"), 60_000);
  await until("the WORKER to follow", () => worker.text.split("successfully joined").length > 2, 60_000);
  for (const { text } of cluster.processes) expect(text).not.toContain("PRIVATE KEY");
});
