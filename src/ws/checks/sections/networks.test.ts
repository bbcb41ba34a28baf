import { expect, test } from "vitest";
import { ok } from "../../../common/result.ts";
import type { CheckContext } from "../context.ts";
import type { Tried } from "../probe.ts";
import { NETWORK_CHECKS } from "./networks.ts";

/** Judges what every ordered pair of these main nodes did; `change`: of those from a to b. */
async function judge(names: readonly string[], change: Partial<Tried> = {}) {
  const tried = names.flatMap((from) =>
    names
      .filter((to) => to !== from)
      .map((to) => ({
        ...{ kind: "server", from, to, ok: true, saw: "reached", ms: 1.4 },
        ...(from === "a" && to === "b" ? change : {}),
      })),
  );
  const settings = { nodes: names.map((name) => ({ name })) };
  const context = { settings, probe: async () => ok(tried) } as unknown as CheckContext;
  return NETWORK_CHECKS.find(({ id }) => id === "pairs/servers")?.judge(context);
}

test.each([
  [["a"], {}, { ok: true, saw: "one node only" }],
  [["a", "b"], {}, { ok: true, saw: "a → b: reached (1 ms); b → a: reached (1 ms)" }],
  [
    ["a", "b", "c"],
    { ms: 40 },
    { ok: true, saw: expect.stringMatching(/^a → b: reached \(40 ms\);(?:.*;){4}/) },
  ],
  [["a", "b", "c", "d"], { ms: 40 }, { ok: true, saw: "12 pairs, the slowest a → b: reached (40 ms)" }],
  [["a", "b", "c", "d"], { ok: false, saw: "timed out" }, { ok: false, saw: "a → b: timed out (1 ms)" }],
  [
    ["a", "b", "c", "d"],
    { kind: "task" },
    { ok: false, saw: "a → b: was not tried, one of them is not ALIVE" },
  ],
] as const)("of the pairs of %j, with %j from a to b, a line says %j", async (names, change, verdict) => {
  expect(await judge(names, change)).toMatchObject(verdict);
});
