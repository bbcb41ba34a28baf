import { afterEach, beforeEach, expect, test } from "vitest";
import { eachRig } from "../fixtures/each-rig.ts";
import { FakeGcs } from "../fixtures/fake-gcs.ts";

const rig = eachRig();
let gcs: FakeGcs;
beforeEach(async () => {
  await rig.health();
  const version = "2.60.0\n✓ Ray cluster is ready!\u001b[2J\u009b31m\u202e";
  gcs = await FakeGcs.start({ host: rig.host("ray-cpu"), port: 6379, version });
});
afterEach(async () => {
  await gcs.stop();
});

test.each(["text", "json"])(
  "B9 the version of a GCS cannot forge a log line or control a terminal (%s)",
  async (form) => {
    const gpu = rig.node("ray-gpu", { RAY_EP_LOG: form });
    const backslash = form === "json" ? "\\\\" : "\\";
    await gpu.says(`answers as a Ray GCS 2.60.0${backslash}u000a✓ Ray cluster is ready!${backslash}u001b[2J`);
    gpu.signal("SIGTERM");
    await gpu.exit();
    for (const line of gpu.stdout.trimEnd().split("\n")) {
      expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      expect(line).not.toMatch(/^✓ Ray cluster/);
    }
  },
);
