import { expect, test } from "vitest";
import { ok } from "../../../common/result.ts";
import type { CheckContext } from "../context.ts";
import { MEMBER_CHECKS } from "./members.ts";

test.each([
  [41.6, "gpu02: not ALIVE, heard 42 s ago at 10.0.0.2 (data0)"],
  [undefined, "gpu02: not ALIVE, not heard since its health service started, at 10.0.0.2 (data0)"],
])("a member that Ray does not list, heard %s s ago, is named with that", async (heardAgoS, saw) => {
  const member = { name: "gpu02", address: "10.0.0.2", interface: "data0", heardAgoS };
  const context = { cluster: async () => ok({ nodes: [] }), members: async () => ok([member]) };
  const judged = MEMBER_CHECKS[0]?.judge(context as unknown as CheckContext);
  expect(await judged).toEqual({ ok: false, saw });
});
