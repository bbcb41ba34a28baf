import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { realRay } from "../fixtures/cluster/real-ray.ts";
import { TestCluster } from "../fixtures/cluster/test-cluster.ts";

let binDir: string;
beforeAll(async () => {
  binDir = await realRay();
});

/** A folder that is removed after the test. */
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "unlike-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

test("C8 a real HEAD tells its Python: a node of another one, whose Ray lies in dist-packages, ends with 78", async () => {
  const root = folder();
  const packages = join(root, "lib/python3.9/dist-packages/ray");
  for (const each of [packages, join(root, "bin")]) mkdirSync(each, { recursive: true });
  const [python = ""] = readdirSync(join(binDir, "../lib")).filter((name) => name.startsWith("python3."));
  const version = join(binDir, "../lib", python, "site-packages/ray/_version.py");
  copyFileSync(version, join(packages, "_version.py"));
  writeFileSync(join(root, "bin/python3.9"), "#!/bin/sh\nexec sleep 600\n", { mode: 0o755 });
  writeFileSync(join(root, "bin/ray"), `#!${root}/bin/python3.9\n`, { mode: 0o755 });

  const cluster = await TestCluster.open({ binDir, candidates: ["ray-cpu"], others: ["worker"] });
  await cluster.health();
  const head = cluster.node("ray-cpu");
  await head.says("✓ Ray cluster is ready!");
  const worker = cluster.node("worker", { RAY_EP_BIN_DIR: join(root, "bin") });
  expect(await worker.ends()).toEqual({ code: 78, signal: null });
  expect(worker.text).toMatch(/runs Python 3\.\d+\.\d+, this node Python 3\.9/);

  // D17: Ray's output is shown under its name, without colours. Its Python keeps back what it writes to a pipe.
  head.signal("SIGTERM");
  await head.ends();
  expect(head.text).toMatch(/^ray \| .*Local node IP/m);
  expect(head.text).not.toContain("\u001b");
});

test("C8 real Ray whose program lies elsewhere is known by the Python of its first line, and joins", async () => {
  const apart = folder();
  copyFileSync(join(binDir, "ray"), join(apart, "ray"));
  chmodSync(join(apart, "ray"), 0o755);
  const cluster = await TestCluster.open({ binDir, candidates: ["ray-cpu"], others: ["worker"] });
  await cluster.health();
  await cluster.node("ray-cpu").says("✓ Ray cluster is ready!");
  const worker = cluster.node("worker", { RAY_EP_BIN_DIR: apart });
  await worker.says("✓ Ray worker successfully joined the cluster!");
});
