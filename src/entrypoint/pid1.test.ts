import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { planForPid1 } from "./pid1.ts";

test("B5 root runs no init from a folder of PATH, which Ray's user may have put there", () => {
  const folder = mkdtempSync(join(tmpdir(), "pid1-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const name of ["tini", "dumb-init"]) writeFileSync(join(folder, name), "", { mode: 0o755 });
  const plan = (uid: number) =>
    planForPid1({ pid: 1, uid, argv: ["node", "entrypoint.js"], path: folder, canReplace: true });

  expect(plan(1000).kind).toBe("init-found");
  expect(JSON.stringify(plan(0))).not.toContain(folder);
});
