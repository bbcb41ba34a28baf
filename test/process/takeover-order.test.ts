import { expect, test } from "vitest";
import { Rig } from "../fixtures/rig.ts";

const NAMES = ["a", "b", "c"];
/** Chance decides which of the two looks first after the lease's end, so one round proves nothing. */
const ROUNDS = 4;

/** Kills the HEAD and returns which node leads next. */
async function successor(): Promise<string | undefined> {
  const rig = await new Rig(NAMES).open();
  try {
    await rig.health({ RAY_EP_LEASE_TTL: "12" });
    const nodes = new Map<string, ReturnType<typeof rig.node>>();
    for (const name of NAMES) {
      const node = rig.node(name, { RAY_EP_TAKEOVER_AFTER: "1" });
      nodes.set(name, node);
      await node.says("  resources ");
    }
    nodes.get("a")?.signal("SIGKILL");
    await Promise.race(["b", "c"].map((name) => nodes.get(name)?.says("Mode: head")));
    return ["b", "c"].find((name) => nodes.get(name)?.stdout.includes("Mode: head"));
  } finally {
    await rig.close();
  }
}

test("D14 of two candidates that may take over at the same moment the earlier one in the whitelist does", async () => {
  const leaders = await Promise.all(Array.from({ length: ROUNDS }, successor));
  expect(leaders).toEqual(leaders.map(() => "b"));
}, 90_000);
