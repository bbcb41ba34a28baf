import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findPageProblems } from "../../scripts/pages.ts";

/** Not in one piece below, since this file is checked like any other. */
const MISSING = "2.9";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pages-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const GOOD = {
  "README.md":
    "# A\n[b](docs/b.md#the-b-of-it) [site](https://example.org) [own](#a)\n```\n[x](not-a-link.md)\n```\n",
  "CONTRIBUTING.md": "# C\n",
  "CHANGELOG.md": "# D\n",
  "docs/b.md": "## The `b` of it\n[back](../README.md)\n",
  "docs/faults.md": "| 2.1 | a fact |\n",
  "src/a.ts": "// It stays (docs/faults.md 2.1).\n",
};

function problems(changes: Record<string, string> = {}): string[] {
  for (const [file, text] of Object.entries({ ...GOOD, ...changes })) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return findPageProblems(root);
}

test("pages whose links and citations lead somewhere have no problem", () => {
  expect(problems()).toEqual([]);
});

test.each([
  [
    "a README that grew",
    { "README.md": "x".repeat(8193) },
    /README\.md: expected at most 8192 bytes, got 8193/,
  ],
  ["a link to no file", { "docs/b.md": "[c](c.md)" }, /docs\/b\.md: the link c\.md leads nowhere/],
  ["a link to no heading", { "CONTRIBUTING.md": "[b](docs/b.md#b)" }, /the link docs\/b\.md#b leads nowhere/],
  [
    "a row that is not there",
    { "src/a.ts": `// docs/faults.md ${MISSING}` },
    /src\/a\.ts: docs\/faults\.md 2\.9 is not there/,
  ],
])("%s is named", (_, changes, said) => {
  expect(problems(changes)).toContainEqual(expect.stringMatching(said));
});
