import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { lasting } from "../fixtures/timed.ts";
import { BOOT_MS, CPU, READY, sharedEmptyScene, startNode } from "./rig.ts";

/** What may stand in a node's way from its first moment: it ends, and says what it was. */
const scene = sharedEmptyScene();

test("another process holds the port of the HEAD's GCS: the node ends at once and names it", async () => {
  const { host, port } = scene().cluster.gcsAddress(CPU);
  const squatter = createServer((socket) => socket.on("error", () => {}).resume());
  squatter.listen(port, host);
  await once(squatter, "listening");
  onTestFinished(() => void squatter.close());

  const node = startNode(scene(), CPU);
  expect(await node.exit(20_000)).toBe(78);
  expect(node.text.trimEnd().split("\n").at(-1)).toContain(`${host}:${port} is taken`);
  expect(node.text).not.toContain(" start --head");
  expect((await scene().cluster.view()).holder).toBeNull();
});

/** A disk of 32 MB for one node, gone with the test; null where this user may not mount. */
function smallDisk(): string | null {
  const disk = join(scene().cluster.folder, "disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=32m", "tmpfs", disk], { stdio: "ignore" });
  } catch {
    return null;
  }
  onTestFinished(() => void execFileSync("umount", ["--lazy", disk]));
  return disk;
}

/** Takes all the room that is left. */
function fill(disk: string): void {
  const filler = openSync(join(disk, "filler"), "a");
  try {
    for (;;) writeSync(filler, Buffer.alloc(4096));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
  } finally {
    closeSync(filler);
  }
}

test("a disk that is full is named at the start, and does nothing to a HEAD that runs", async ({ skip }) => {
  const disk = smallDisk() ?? skip("only root may mount a small disk");
  fill(disk);
  const words = [`--temp-dir=${disk}/ray`];
  const refused = scene().cluster.node(CPU, {}, words);
  await refused.says(`✗ Warning: the disk of ${disk}/ray has 0.0 MiB left, and Ray may not start`);
  await refused.says(" start --head");
  // Ray itself takes minutes to give up, and does not name the disk.
  refused.signal("SIGINT");
  expect(await refused.exit()).toBe(0);
  expect(refused.text).not.toContain("a bug in");

  rmSync(join(disk, "filler"));
  const head = scene().cluster.node(CPU, {}, words);
  await head.says(READY, BOOT_MS);
  // `ray start` has its own files to write until then.
  await head.says("will now block forever", BOOT_MS);
  fill(disk);
  await lasting(5_000);
  expect(head.text).not.toMatch(/restarting|a bug in/);
  head.signal("SIGTERM");
  expect(await head.exit()).toBe(0);
});
