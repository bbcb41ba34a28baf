import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CheckResult } from "../checks/check.ts";
import type { TestRun } from "./report.ts";
import { junitXml, markdownPage, writeReport } from "./report.ts";

const result = (id: string, outcome: CheckResult["outcome"], saw: string): CheckResult => ({
  id,
  section: id.startsWith("path") ? "PATH" : "Cluster",
  title: `the line ${id}`,
  outcome,
  saw,
  ms: 1500,
});

const run = (...results: CheckResult[]): TestRun => ({
  results,
  runtime: "docker",
  head: "ray-cpu:6379",
  startFailure: [],
  startedAt: new Date("2026-01-02T03:04:05Z"),
  tookMs: 61_000,
});

const NASTY = 'a <b> & "c" ]]> | [x](y) \u001b[31mred\u001b[0m \u0000\u0008 end';

describe("JUnit XML", async () => {
  const xml = await junitXml(
    run(
      result("cluster/a", "ok", "8 CPUs"),
      result("cluster/b", "failed", NASTY),
      result("path/c", "skipped", "no"),
    ),
  );

  test("has a suite for each section and counts what failed and what was left out", () => {
    expect(xml).toContain('<testsuites tests="3" failures="1" errors="0" skipped="1">');
    expect(xml).toMatch(/<testsuite name="Cluster"[^>]* tests="2" failures="1"/);
    expect(xml).toMatch(/<testcase classname="cluster\/a" name="the line cluster\/a" time="1.5">/);
  });

  test("holds whatever a log may hold, without what XML cannot", () => {
    expect(xml).toContain('message="a &lt;b> &amp; &quot;c&quot; ]]> | [x](y) red  end"');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
    expect(xml).not.toMatch(/[\u0000-\u0008\u001b]/);
  });

  test("a worker that did not come up fails the report even if each line holds", async () => {
    const failed = await junitXml({
      ...run(result("cluster/a", "ok", "")),
      startFailure: ["✗ test-ray-worker ended"],
    });
    expect(failed).toContain('failures="1"');
    expect(failed).toContain("✗ test-ray-worker ended");
  });
});

describe("Markdown", () => {
  test("one table for each section, with nothing that breaks a cell", () => {
    const page = markdownPage(
      run(result("cluster/b", "failed", `x | y\n<b>`), result("path/c", "ok", "fine")),
    );
    expect(page).toContain("✗ **1 of 2 lines hold**.");
    expect(page).toContain(
      "## Cluster\n\n| | line | seen |\n|---|---|---|\n| ✗ | the line cluster/b | x &#124; y &#60;b&#62; |",
    );
    expect(page).toContain("## PATH");
  });
});

describe("files", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ws-report-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("three of them, and the JSON says what the run was", async () => {
    const files = await writeReport(join(folder, "new", "one"), run(result("cluster/a", "ok", "")));
    expect(files.map((file) => file.split(".").at(-1))).toEqual(["xml", "json", "md"]);
    const json = JSON.parse(readFileSync(files[1] ?? "", "utf8"));
    expect(json).toMatchObject({
      counts: { ok: 1, failed: 0, skipped: 0 },
      head: "ray-cpu:6379",
      runtime: "docker",
    });
  });
});
