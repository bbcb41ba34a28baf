import { describe, expect, test } from "vitest";
import { readArgs } from "./args.ts";

describe("words that are understood", () => {
  test.each([
    [[], { kind: "run", rayWords: [] }],
    [["--help"], { kind: "help" }],
    [["-h", "--version"], { kind: "help" }],
    [["--version"], { kind: "version" }],
    [["--dry-run"], { kind: "dry-run", json: false, rayWords: [] }],
    [
      ["--dry-run", "--json", "--", "--labels=a=b"],
      { kind: "dry-run", json: true, rayWords: ["--labels=a=b"] },
    ],
    [["--", "--help", "--", "x"], { kind: "run", rayWords: ["--help", "--", "x"] }],
  ])("%j", (words, request) => expect(readArgs(words)).toEqual({ ok: true, value: request }));
});

describe("words that are not: each is named with the way out", () => {
  test.each([
    [
      ["start", "--head"],
      ["word 1", "--head"],
    ],
    [["--dryrun"], ["--dryrun"]],
    [["--dry-run=yes"], ["--dry-run"]],
    [["--json"], ["--json"]],
    [["-xyz", "--", "-y"], ["word 1"]],
  ])("%j", (words, named) => {
    const read = readArgs(words);
    expect(read.ok).toBe(false);
    if (read.ok) return;
    expect(read.error.map(({ where }) => where)).toEqual(named);
    for (const { problem, fix } of read.error) {
      expect(problem).toMatch(/^expected /);
      expect(fix).not.toBe("");
    }
  });
});

test.each([
  [["--redis-password", "s3cr3t"]],
  [["--redis-password=s3cr3t"]],
  [["--redis-password", "--s3cr3t"]],
  [["--redis-password", "-s3cr3t"]],
  [["-ps3cr3t"]],
  [["s3cr3t"]],
  [["--json=s3cr3t", "--dry-run"]],
])("B7 no word is repeated that may be a value: %j", (words) => {
  const read = readArgs(words);
  expect(read.ok).toBe(false);
  expect(JSON.stringify(read)).not.toMatch(/s3cr3t|"-s"/);
});
