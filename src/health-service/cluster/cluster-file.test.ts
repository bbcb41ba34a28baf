import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ClusterFile } from "./cluster-file.ts";

test.each([
  [0o755, true, 0o700],
  [0o500, true, 0o500],
  // As /tmp is.
  [0o1777, false, 0o1777],
  [0o770, false, 0o770],
])("a folder with mode %o is used: %s, with mode %o", async (mode, isUsed, after) => {
  const folder = mkdtempSync(join(tmpdir(), "cluster-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, mode);
  expect(await new ClusterFile(folder).read()).toMatchObject({ ok: isUsed });
  expect(statSync(folder).mode & 0o7777).toBe(after);
});
