import { chownSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { foreignState, trustedOwners } from "./foreign.ts";

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "ws-foreign-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("a state folder that another user made is refused, and so is a link to one", () => {
  const folder = scratch();
  const why = `it belongs to user ${lstatSync(folder).uid}`;
  symlinkSync(folder, join(folder, "link"));
  for (const each of [folder, join(folder, "link")])
    expect(foreignState(each, [4242])).toEqual({ reason: "unsafe-folder", folder: each, why });
});

test.runIf(process.getuid?.() === 0)("a folder below it that another user made is refused", () => {
  const folder = scratch();
  mkdirSync(join(folder, "secrets/docker"), { recursive: true });
  expect(foreignState(folder, [0])).toBeUndefined();
  chownSync(join(folder, "secrets/docker"), 4242, 4242);
  expect(foreignState(folder, [0])).toMatchObject({ folder: join(folder, "secrets/docker") });
});

test("what we, root or the program's owner made is ours, and what is not there will be", () => {
  const folder = scratch();
  expect(foreignState(folder, trustedOwners("/none"))).toBeUndefined();
  expect(foreignState(folder, [4242, lstatSync(folder).uid])).toBeUndefined();
  expect(foreignState(join(folder, "none"), [4242])).toBeUndefined();
});
