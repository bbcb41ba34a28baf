import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rayletFaultIn } from "./raylet-fault.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "raylet-fault-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function said(name: string, ...lines: readonly string[]): void {
  mkdirSync(join(folder, "session_latest", "logs"), { recursive: true });
  writeFileSync(join(folder, "session_latest", "logs", name), lines.join("\n"));
}

const WORKS = "[2026-11-28 11:08:52,464 I 76 87] (raylet) agent_manager.cc:81: Monitor agent process";
// As Ray 2.60 writes it.
const REPORT =
  "An unexpected system state has occurred. You have likely discovered a bug in Ray. Please report this issue at https://github.com/ray-project/ray/issues and we'll work with you to fix it.";
const SLOW = "Timed out waiting for file /tmp/ray/session_1/metrics_agent_port_b4aa";
const ended = (words: string) =>
  `[2026-11-28 11:09:07,597 C 76 76] (raylet) node_manager.cc:3576:  ${words}\n*** StackTrace Information ***`;

test.each(["raylet.err", "raylet.out"])("the raylet's last words are found in %s", (log) => {
  const saw = rayletFaultIn(folder, null);
  expect(saw()).toBeNull();
  said(log, WORKS);
  expect(saw()).toBeNull();
  said(log, WORKS, ended(`${REPORT} Check failed: statussetor3576.has_value() ${SLOW}`));
  expect(saw()).toBe(SLOW);
});

test("words of another kind stay whole", () => {
  const saw = rayletFaultIn(folder, null);
  said("raylet.out", ended("Failed to connect to GCS"));
  expect(saw()).toBe("Failed to connect to GCS");
});

test("what an earlier raylet said is not taken for it", () => {
  said("raylet.out", ended(SLOW));
  expect(rayletFaultIn(folder, null)()).toBeNull();
});
