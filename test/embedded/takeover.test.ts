import { expect, test } from "vitest";
import { comesBack, noRay, observed, roles, takenOver, worksRight } from "../faults/judge.ts";
import { CLEAR_MS, EXTRA, sharedScene } from "../faults/rig.ts";
import { timed } from "../fixtures/timed.ts";

/** The one fault that every run injects; the others are in test/faults. */
const scene = sharedScene();

test("rows 3 and 7: the HEAD's supervisor is killed: nothing of its Ray is left, a new HEAD leads, the old one joins it", async () => {
  const { cluster } = scene();
  const { head, next, epoch } = await roles(scene());
  await observed(scene(), async () => {
    cluster.process(head).signal("SIGKILL");
    await timed("row 7: nothing of Ray is left after", () => noRay(scene(), [head], CLEAR_MS));
    const now = await timed("row 3: a new HEAD with its worker after", () =>
      cluster.becomes([next, EXTRA], takenOver(scene())),
    );
    expect(now).toBe(next);
    expect((await cluster.view()).epoch).toBe(epoch + 1);
    await comesBack(scene(), head, next);
  });
  await worksRight(scene());
});
