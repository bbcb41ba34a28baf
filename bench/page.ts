import { setTimeout as delay } from "node:timers/promises";
import { launchBrowser, noBrowser } from "../test/fixtures/chromium.ts";
import { HealthServiceProcess } from "../test/fixtures/health-service-process.ts";
import { median, type Row } from "./row.ts";

const ROUNDS = 5;
const NODES = 3;
/** The service makes its view at most once in 500 ms: a round does not pay for the one before it. */
const REST_MS = 1000;

/** From the click to the first row in a browser that runs already, on loopback. */
export async function benchPage(): Promise<Row[]> {
  if (noBrowser) {
    console.error("→ Left out: there is no chromium");
    return [];
  }
  const server = await (await HealthServiceProcess.launch()).listening();
  const browser = await launchBrowser();
  try {
    const report = { life: "a", role: "worker", state: "watching", head: null, advertise: null };
    for (let i = 0; i < NODES; i++)
      await server.call("PUT", `/v1/nodes/node-${i}`, { ...report, nodeManagerPort: null });
    const took: number[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const page = await browser.newPage();
      const beganMs = performance.now();
      await page.goto(`http://127.0.0.1:${server.port}/`, { waitUntil: "commit" });
      await page.locator("tbody tr").first().waitFor();
      took.push(performance.now() - beganMs);
      await page.close();
      await delay(REST_MS);
    }
    const aim = { value: "at most", than: 300 } as const;
    return [{ name: "page: until its first row is seen", value: median(took), unit: "ms", ratio: null, aim }];
  } finally {
    await browser.close();
    await server.remove();
  }
}
