import { expect, test } from "vitest";
import { EVERY_ANSWER, probeResult } from "../../test/fixtures/facts.ts";
import { EVERY_FAILURE } from "../../test/fixtures/failures.ts";
import { renderFailure } from "./failure.ts";
import { renderProbe } from "./probe-result.ts";

test.each(Object.entries(EVERY_FAILURE))("%s: what is wrong first, and the way out last", (_, failure) => {
  const lines = renderFailure(failure);
  expect(lines[0]).toMatch(/^✗ \S/);
  expect(lines.at(-1)).toMatch(/^\s*→ \S/);
  expect(lines.join("\n")).not.toMatch(/undefined|null|NaN|\[object/);
});

test("no HEAD in time: the cause of each address has its own line", () => {
  const results = EVERY_ANSWER.map((kind, i) => probeResult(`node-${i}:6379`, kind));
  const lines = renderFailure({ ...EVERY_FAILURE["no-head-in-time"], results });
  for (const each of results) expect(lines).toContain(`  ✗ ${renderProbe(each)}`);
});

test("each result has words of its own, with address and milliseconds", () => {
  const words = EVERY_ANSWER.map((kind) => renderProbe(probeResult("ray-cpu:6379", kind)));
  expect(new Set(words).size).toBe(EVERY_ANSWER.length);
  for (const each of words) expect(each).toMatch(/^ray-cpu:6379 .* \(3 ms\)$/);
  expect(words[0]).toBe("ray-cpu:6379 answers as a Ray GCS 2.60.0, cluster c1c1c1c1 (3 ms)");
});
