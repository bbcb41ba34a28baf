import { expect, test } from "vitest";
import { kill } from "../fixtures/cluster/tagged.ts";
import { timed } from "../fixtures/timed.ts";
import { noRay, observed, roles, worksRight } from "./judge.ts";
import { ALL, EXTRA, LEASE_MS, RENEW_MS, sharedScene, within } from "./rig.ts";

/** Strict fencing: a HEAD that cannot renew its lease ends its Ray before another may lead. */
const scene = sharedScene({ env: { RAY_EP_FENCING: "strict" } });

test("row 8, strict: the HEAD's supervisor is frozen: its Ray is killed before the lease ends, and another leads", async () => {
  const { cluster } = scene();
  const { head, next, epoch } = await roles(scene());
  const old = cluster.process(head);
  const { mark } = old;
  await observed(scene(), async () => {
    kill(old.pid, "SIGSTOP");
    await timed("row 8: Ray killed by the guard", () => noRay(scene(), [head], LEASE_MS));
    expect((await cluster.view()).holder).toMatchObject({ node: head, epoch });
    expect((await cluster.view()).holder?.expiresIn).toBeGreaterThan(0);
    expect(await cluster.becomes([next, EXTRA], within(scene(), LEASE_MS + 2 * RENEW_MS, 2))).toBe(next);
    kill(old.pid, "SIGCONT");
    expect(await cluster.becomes(ALL, within(scene(), 0, 2))).toBe(next);
  });
  expect(old.since(mark)).toContain("✗ The guard killed Ray: the head lease was not renewed");
  expect((await cluster.view()).epoch).toBe(epoch + 1);
});

test.each(["silent", "answers-lost", "requests-lost"] as const)(
  "rows 19 and 20, strict: the HEAD is cut from the health service (%s): its Ray is dead by the lease's end, one HEAD after",
  async (mode) => {
    const { cluster, links } = scene();
    const { head, next, epoch } = await roles(scene());
    await observed(scene(), async () => {
      await links[head]?.become(mode);
      await timed(`rows 19, 20 (${mode}): Ray ended by its supervisor`, () =>
        noRay(scene(), [head], LEASE_MS),
      );
      // It finds the new HEAD by itself and joins it, health service or not.
      expect(await cluster.becomes(ALL, within(scene(), LEASE_MS + 2 * RENEW_MS, 3))).toBe(next);
      await links[head]?.become("open");
    });
    expect((await cluster.view()).epoch).toBe(epoch + 1);
  },
);

test("row 25, strict: everybody is cut from the health service: the HEAD stops, and one HEAD leads after it heals", async () => {
  const { cluster, links } = scene();
  const { head, epoch } = await roles(scene());
  await observed(scene(), async () => {
    for (const name of ALL) await links[name]?.become("silent");
    await timed("row 25: Ray ended by its supervisor", () => noRay(scene(), [head], LEASE_MS));
    for (const name of ALL) await links[name]?.become("open");
    await cluster.becomes(ALL, within(scene(), LEASE_MS + 2 * RENEW_MS, 3));
  });
  // The one that stopped may be back before its lease is over, and holds it still.
  expect((await cluster.view()).epoch).toBeGreaterThanOrEqual(epoch);
  await worksRight(scene());
});
