import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from "vitest";
import { BOOT_MS, CLEAR_MS, CPU, closeScene, emptyScene, noRay, type Scene, startNode } from "./rig.ts";

/** What may stand in a node's way from its first moment: it ends, and says what it was. */
let scene: Scene;
beforeAll(async () => {
  scene = await emptyScene();
});
afterEach(({ task }) => {
  if (task.result?.state === "fail") scene.cluster.show();
});
afterAll(() => scene && closeScene(scene));

test("another process holds the port of the HEAD's GCS: the node ends at once and names it", async () => {
  const { host, port } = scene.cluster.gcsAddress(CPU);
  const squatter = createServer((socket) => socket.on("error", () => {}).resume());
  squatter.listen(port, host);
  await once(squatter, "listening");
  onTestFinished(() => void squatter.close());

  const node = startNode(scene, CPU);
  expect(await node.ends(20_000)).toEqual({ code: 78, signal: null });
  expect(node.text.trimEnd().split("\n").at(-1)).toContain(`${host}:${port} is taken`);
  expect(node.text).not.toContain(" start --head");
  expect((await scene.cluster.view()).holder).toBeNull();
});

test("disk full", async () => {
  const full = join(scene.cluster.folder, "small");
  mkdirSync(full);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", full]);
  onTestFinished(() => void execFileSync("umount", ["-l", full]));
  const node = scene.cluster.node(CPU, {}, [`--temp-dir=${full}/ray`]);
  const end = await node.ends(BOOT_MS).catch(() => null);
  console.log(end, node.text);
  node.signal("SIGINT");
  await node.ends();
  await noRay(scene, [CPU], CLEAR_MS);
});
