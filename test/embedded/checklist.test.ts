import { beforeAll, expect, test } from "vitest";
import { EmbeddedWs } from "../fixtures/cluster/embedded-ws.ts";

const cluster = new EmbeddedWs();
const ws = (...words: string[]) => cluster.ws(words);

beforeAll(async () => {
  const up = await ws("up");
  expect(up.code, up.text).toBe(0);
});

test("test --up holds every line of the checklist: scenarios 1, 2 and 3", async () => {
  const judged = await ws("test", "--up", "--json");
  expect(judged.code, judged.text).toBe(0);
  const { results, counts } = JSON.parse(judged.out);
  expect(counts).toMatchObject({ failed: 0, ok: results.length - counts.skipped });
  expect(judged.text).not.toMatch(/^\s*✗/m);
  expect(judged.text).toContain("Mode: worker");
  expect(judged.text).toContain("✓ Ray client connected");
  expect(judged.text).toContain("3 active nodes, expected 3");

  const down = await ws("test", "--down");
  expect(down.code, down.text).toBe(0);
  expect(down.text).toContain("test-ray-worker, test-ray-client");
});

test("the judge says ✗ and exits 1 when a line does not hold", async () => {
  const judged = await ws("test", "--up", "--head", "ray-cpu:1", "--timeout", "8");
  expect(judged.code, judged.text).not.toBe(0);
  expect(judged.text).toContain("✗");
  await ws("test", "--down");
});
