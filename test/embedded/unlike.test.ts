import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { CPU, EXTRA, sharedScene, startNode } from "../faults/rig.ts";
import { realRay } from "../fixtures/cluster/real-ray.ts";

/** A real HEAD, and nodes whose Ray is another or lies elsewhere. */
const scene = sharedScene({ names: [CPU] });

/** A folder that is removed after the test. */
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "unlike-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

test("C8 a real HEAD tells its Python: a node of another one, whose Ray lies in dist-packages, ends with 78", async () => {
  const [root, binDir] = [folder(), await realRay()];
  const packages = join(root, "lib/python3.9/dist-packages/ray");
  for (const each of [packages, join(root, "bin")]) mkdirSync(each, { recursive: true });
  const [python = ""] = readdirSync(join(binDir, "../lib")).filter((name) => name.startsWith("python3."));
  const version = join(binDir, "../lib", python, "site-packages/ray/_version.py");
  copyFileSync(version, join(packages, "_version.py"));
  writeFileSync(join(root, "bin/python3.9"), "#!/bin/sh\nexec sleep 600\n", { mode: 0o755 });
  writeFileSync(join(root, "bin/ray"), `#!${root}/bin/python3.9\n`, { mode: 0o755 });

  const worker = startNode(scene(), EXTRA, { RAY_EP_BIN_DIR: join(root, "bin") });
  expect(await worker.exit()).toBe(78);
  expect(worker.text).toMatch(/runs Python 3\.\d+\.\d+, this node Python 3\.9/);
});

test("C8 real Ray whose program lies elsewhere is known by the Python of its first line, and joins", async () => {
  const apart = folder();
  copyFileSync(join(await realRay(), "ray"), join(apart, "ray"));
  chmodSync(join(apart, "ray"), 0o755);
  const worker = startNode(scene(), EXTRA, { RAY_EP_BIN_DIR: apart });
  await worker.says("✓ Ray worker successfully joined the cluster!");
});

// The last of the file, since the HEAD ends. Ray's Python keeps back what it writes to a pipe until then.
test("D17 Ray's output is shown under its name, without colours", async () => {
  const head = scene().cluster.process(CPU);
  head.signal("SIGTERM");
  await head.exit();
  expect(head.text).toMatch(/^ray \| .*Local node IP/m);
  expect(head.text).not.toContain("\u001b");
});
