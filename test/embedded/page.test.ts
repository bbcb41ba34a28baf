import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { takenOver } from "../faults/judge.ts";
import { CPU, GPU, sharedScene } from "../faults/rig.ts";
import { openPage, shoot } from "../fixtures/browser.ts";
import { launchBrowser, noBrowser } from "../fixtures/chromium.ts";

/** A HEAD and a WORKER. */
const scene = sharedScene({ names: [CPU, GPU] });

let browser: Browser;
beforeAll(async () => {
  if (!noBrowser) browser = await launchBrowser();
});
afterAll(() => browser?.close());

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
    await row.filter({ hasText: /raylet|Ray ended by itself/ }).waitFor({ timeout: 10_000 });
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
