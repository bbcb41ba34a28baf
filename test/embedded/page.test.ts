import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { formatAddress } from "../../src/common/address.ts";
import { takenOver } from "../faults/judge.ts";
import { CPU, EXTRA, GPU, memoryOf, sharedScene, startNode } from "../faults/rig.ts";
import { openPage, shoot } from "../fixtures/browser.ts";
import { launchBrowser, noBrowser } from "../fixtures/chromium.ts";

/** A HEAD and a WORKER, over a health service that remembers. */
const scene = sharedScene({ names: [CPU, GPU] });

let browser: Browser;
beforeAll(async () => {
  if (!noBrowser) browser = await launchBrowser();
});
afterAll(() => browser?.close());

test.skipIf(noBrowser)(
  "the page shows a node that waits for a HEAD that does not exist, and finds a health service again that was killed",
  async () => {
    const { cluster } = scene();
    const { page, complaints } = await openPage(browser, cluster.healthUrl);
    const nowhere = formatAddress({ ...cluster.gcsAddress(CPU), port: cluster.sparePort(CPU) });
    const extra = startNode(scene(), EXTRA, { HEAD_ADDRESS: nowhere });
    await page.locator(".trouble", { hasText: `${EXTRA} waits: ${nowhere} refuses connections` }).waitFor();
    await shoot(page, "real-waiting");
    extra.signal("SIGTERM");
    await extra.exit();
    cluster.process("health").signal("SIGKILL");
    await page.locator(".notice", { hasText: "The health service has been gone since" }).waitFor();
    await shoot(page, "real-service-gone");
    await cluster.health(memoryOf(cluster));
    await page.locator(".link", { hasText: "Live" }).waitFor();
    await page.locator("h1", { hasText: `${CPU} leads since` }).waitFor();
    const alive = page.locator("tbody tr", { hasText: /ALIVE.*CPU.*GiB/ });
    await alive.filter({ hasText: CPU }).waitFor();
    await alive.filter({ hasText: GPU }).waitFor();
    expect(complaints).toEqual([]);
  },
);

test.skipIf(noBrowser)(
  "the page shows what Ray counts, a worker whose raylet is killed and why, and the next HEAD after one that is killed",
  async () => {
    const { cluster } = scene();
    const { page, complaints } = await openPage(browser, cluster.healthUrl);
    const row = page.locator("tbody tr", { has: page.getByText(GPU, { exact: true }) });
    await page.locator("h1", { hasText: `${CPU} leads since` }).waitFor();
    await row.filter({ hasText: /ALIVE.*CPU.*GiB/ }).waitFor();
    await shoot(page, "real-ray");
    process.kill(cluster.part(GPU, "raylet").pid, "SIGKILL");
    await row.filter({ hasText: /raylet|Ray ended by itself/ }).waitFor({ timeout: 5_000 });
    await shoot(page, "real-worker-killed");
    await row.filter({ hasText: /ALIVE.*last: / }).waitFor({ timeout: 60_000 });
    await shoot(page, "real-worker-back");
    cluster.process(CPU).signal("SIGKILL");
    const sentence = page.locator("h1");
    await sentence.filter({ hasText: /^No HEAD/ }).waitFor({ timeout: 30_000 });
    await shoot(page, "real-no-head");
    await sentence.filter({ hasText: `${GPU} leads since` }).waitFor({ timeout: takenOver(scene()) });
    await sentence.filter({ hasText: "epoch 2" }).waitFor();
    await shoot(page, "real-next-head");
    expect(complaints).toEqual([]);
  },
);
