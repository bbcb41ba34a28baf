import { expect, test } from "vitest";
import { env, LoneNodes } from "../../fixtures/docker/lone-nodes.ts";

const nodes = LoneNodes.open();
/** Too little for a store. */
const FULL = "type=tmpfs,destination=/opt/ray-entrypoint/state,tmpfs-size=128k,tmpfs-mode=1777";

test("a disk without room for the store ends the start with words of its own, and what is there stays", async () => {
  const alone = env({ HEAD_WHITELIST: "alone", HEALTH_URL: "none" });
  const node = await nodes.start(["--mount", FULL, ...alone], nodes.real, [
    "--",
    "--object-store-memory=80000000",
  ]);
  expect(await nodes.ended(node, 120_000)).toBe(74);
  expect(await nodes.logs(node)).toMatch(
    /Ray's GCS cannot use the state in \S+, which is kept: .*No space left on device → Make room on its disk/,
  );
});
