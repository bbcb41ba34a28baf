import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { relay } from "./process.ts";

async function heard(...chunks: string[]): Promise<string[]> {
  const lines: string[] = [];
  const from = new PassThrough();
  const over = relay(from, (line) => lines.push(line));
  for (const chunk of chunks) from.write(chunk);
  from.end();
  await over;
  return lines;
}

test.each([
  ["colours", ["\u001b[32m\u001b[1mRay runtime started.\u001b[22m\u001b[39m\n"], ["Ray runtime started."]],
  ["blank lines", ["a\n\n   \nb\n"], ["a", "b"]],
  ["lines in parts, and the last without an end", ["a", "b\nc", "d"], ["ab", "cd"]],
  ["what would forge a line or move the cursor", ["a\rMode: head\u0007\u001b[2J\n"], ["aMode: head"]],
  ["indentation and tabs", ["  a\tb\n"], ["  a  b"]],
])("D17 %s", async (_, chunks, lines) => expect(await heard(...chunks)).toEqual(lines));

test("D17 a line without end is cut", async () => {
  expect((await heard("x".repeat(40_000))).map((line) => line.length)).toEqual([40_000]);
  expect(await heard("x".repeat(20_000), "y\n")).toHaveLength(2);
});
