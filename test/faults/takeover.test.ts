import { expect, test } from "vitest";
import { Observer } from "../fixtures/cluster/observer.ts";
import { kill } from "../fixtures/cluster/tagged.ts";
import { timed } from "../fixtures/timed.ts";
import { until } from "../fixtures/until.ts";
import { comesBack, noRay, observed, roles, takenOver, worksRight } from "./judge.ts";
import {
  ALL,
  CLEAR_MS,
  CPU,
  EXTRA,
  freeze,
  GPU,
  LEASE_MS,
  RENEW_MS,
  sharedScene,
  startNode,
  TAKEOVER_MS,
  within,
} from "./rig.ts";

/**
 * The HEAD goes: another candidate leads, the workers follow, and the old one comes back as a WORKER. Rows 3 and 7 are in
 * test/embedded/takeover.test.ts.
 */
const scene = sharedScene();

test("row 4: a clean stop of the HEAD hands over with no wait for the lease to end", async () => {
  const { cluster } = scene();
  const { head, next, epoch } = await roles(scene());
  const successor = cluster.process(next);
  const { mark } = successor;
  await observed(scene(), async () => {
    cluster.process(head).signal("SIGTERM");
    expect(await cluster.process(head).exit()).toBe(0);
    expect(cluster.ray(head)).toEqual([]);
    expect((await cluster.view()).holder?.node ?? null).not.toBe(head);
    await timed("row 4: the next HEAD decided, after the end of the old one", () =>
      successor.says("Mode: head", LEASE_MS - 3 * RENEW_MS, mark),
    );
    expect(await cluster.becomes([next, EXTRA], within(scene(), 0, 2))).toBe(next);
    expect((await cluster.view()).epoch).toBe(epoch + 1);
    await comesBack(scene(), head, next);
  });
});

test("row 10: the HEAD is paused until another leads: resumed, it ends its Ray and joins as WORKER", async () => {
  const { cluster } = scene();
  const { head, next, epoch } = await roles(scene());
  const observer = new Observer(cluster);
  await until("the HEAD to be seen", () => observer.reigns.length === 1);
  freeze(scene(), head, "SIGSTOP");
  await until(
    `${next} to lead`,
    async () => (await cluster.alive(next)).some(({ name }) => name === EXTRA),
    takenOver(scene()),
  );
  const { mark } = cluster.process(head);
  freeze(scene(), head, "SIGCONT");
  const resumedMs = performance.now();
  await timed("row 10: the old HEAD gave way", () =>
    cluster.process(head).says("this HEAD gives way", LEASE_MS, mark),
  );
  expect(await cluster.becomes(ALL, within(scene(), 0, 2))).toBe(next);
  expect((await cluster.view()).epoch).toBe(epoch + 1);

  // Frozen, the old GCS was no rival; it may answer until its supervisor has heard of the new one.
  const rivals = await observer.rivals();
  expect(rivals.length).toBeLessThanOrEqual(1);
  for (const [old, rival] of rivals) {
    expect([old.name, rival.name]).toEqual([head, next]);
    expect(old.toMs - resumedMs).toBeLessThan(LEASE_MS);
  }
});

test("row 28: the health service restarts empty and the HEAD is dead: one HEAD", async () => {
  const { cluster } = scene();
  const { head, next, epoch } = await roles(scene());
  await observed(scene(), async () => {
    for (const name of ["health", head]) cluster.process(name).signal("SIGKILL");
    await cluster.process("health").exit();
    await cluster.health();
    const now = await cluster.becomes([next, EXTRA], within(scene(), 2 * LEASE_MS + TAKEOVER_MS, 2));
    expect(now).toBe(next);
    await comesBack(scene(), head, next);
  });
  expect((await cluster.view()).epoch).toBeGreaterThan(epoch);
});

test("both candidates killed and started at once: one HEAD", async () => {
  const { cluster } = scene();
  const { epoch } = await roles(scene());
  for (const name of [CPU, GPU]) kill(cluster.process(name).pid, "SIGKILL");
  await noRay(scene(), [CPU, GPU], CLEAR_MS);
  await observed(scene(), async () => {
    for (const name of [CPU, GPU]) startNode(scene(), name);
    await cluster.becomes(ALL, takenOver(scene(), 3));
  });
  expect((await cluster.view()).epoch).toBe(epoch + 1);
  await worksRight(scene());
});
