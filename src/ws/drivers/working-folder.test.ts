import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { tooLarge } from "./working-folder.ts";

const MIB = 2 ** 20;

test.each([
  ["with 100 MiB", { "a/data": 60, "b/data": 40 }, false],
  ["with a byte more", { "a/data": 60, "b/data": 40, "b/last": 1 / MIB }, true],
  ["whose .git and venv alone are large", { ".git/pack": 200, "a/venv/lib": 200, "a/job.py": 1 }, false],
])("a folder %s: %o", (_, files, large) => {
  const folder = mkdtempSync(join(tmpdir(), "job-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, mib] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), "");
    truncateSync(join(folder, name), mib * MIB);
  }
  if (large) expect(tooLarge(folder)).toContain("holds more than 100 MiB");
  else expect(tooLarge(folder)).toBeUndefined();
});
