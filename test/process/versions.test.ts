import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eachRig } from "../fixtures/each-rig.ts";
import { FakeGcs } from "../fixtures/fake-gcs.ts";

const rig = eachRig();
let gcs: FakeGcs;
beforeEach(async () => {
  gcs = await FakeGcs.start({ host: rig.host("ray-cpu"), port: 6379 });
});
afterEach(async () => {
  await gcs.stop();
});

/** Makes the rig's `ray` a program of that Python, with that Ray in its packages. */
function install(python: string, version: string): void {
  const ray = join(rig.binDir, "ray");
  const sh = readFileSync(ray, "utf8").replace("#!/bin/sh\n", "");
  const interpreter = join(rig.binDir, `python${python}`);
  writeFileSync(interpreter, `#!/bin/sh\n. "$@"\n`, { mode: 0o755 });
  writeFileSync(ray, `#!${interpreter}\nset -- start "$@"\nshift\n${sh}`);
  const packages = join(rig.folder, `lib/python${python}/dist-packages/ray`);
  mkdirSync(packages, { recursive: true });
  writeFileSync(join(packages, "_version.py"), `version = "${version}"\n`);
}

const tellPython = (version: string) =>
  gcs.kv.set("cluster/CLUSTER_METADATA", JSON.stringify({ ray_version: "2.60.0", python_version: version }));

describe("C8 a node whose Ray lies in dist-packages compares versions with its HEAD's", () => {
  test("78: another Ray", async () => {
    install("3.11", "2.49.2");
    const gpu = rig.node("ray-gpu");
    expect(await gpu.exit()).toBe(78);
    expect(gpu.stdout).toContain("runs Ray 2.60.0, this node Ray 2.49.2");
  });

  test("78: another minor version of Python, and both are named", async () => {
    install("3.11", "2.60.0");
    tellPython("3.12.4");
    const gpu = rig.node("ray-gpu");
    expect(await gpu.exit()).toBe(78);
    expect(gpu.stdout).toContain(
      `✗ Exit code 78: The HEAD at ${rig.host("ray-cpu")}:6379 runs Python 3.12.4, this node Python 3.11`,
    );
  });

  test.each(["3.11.0", "3.11.9"])("Python %s is like 3.11", async (version) => {
    install("3.11", "2.60.0");
    tellPython(version);
    const gpu = rig.node("ray-gpu");
    const { node } = await rig.rays.run("ray-gpu");
    if (node !== null) gcs.nodes.push(node);
    await gpu.says("✓ Ray worker successfully joined the cluster!");
  });
});
