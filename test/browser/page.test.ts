import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { visible } from "../../src/common/output/shown.ts";
import { servePage } from "../../src/ws/machine/page-proxy.ts";
import { openPage, seriousIn, shoot } from "../fixtures/browser.ts";
import { launchBrowser, noBrowser } from "../fixtures/chromium.ts";
import { HealthServiceProcess } from "../fixtures/health-service-process.ts";
import { MemberService } from "../fixtures/members.ts";
import { Rig } from "../fixtures/rig.ts";
import type { Running } from "../fixtures/running.ts";

if (noBrowser) console.log("→ No chromium in PATH: the page is not looked at");

let browser: Browser;
beforeAll(async () => {
  if (!noBrowser) browser = await launchBrowser();
});
afterAll(() => browser?.close());

const rowOf = (page: Page, name: string) =>
  page.locator("tbody tr", { has: page.getByText(name, { exact: true }) });
/** Waits until an element says this. */
const says = (page: Page, selector: string, words: string, timeout = 10_000) =>
  page.locator(selector, { hasText: words }).first().waitFor({ timeout });
const rowSays = (page: Page, name: string, words: string | RegExp, timeout = 10_000) =>
  rowOf(page, name).filter({ hasText: words }).waitFor({ timeout });

describe.skipIf(noBrowser)("a cluster on the page", () => {
  const rig = new Rig(["ray-cpu", "ray-gpu"]);
  const FAST = { RAY_EP_LEASE_TTL: "12" };
  let health: Running;
  beforeEach(async () => {
    await rig.open();
    health = await rig.health({ ...FAST, RAY_EP_HEALTH_STATE_DIR: `${rig.folder}/health` });
  });
  afterEach(() => rig.close());

  test("shows each thing that happens, and why, within seconds", async () => {
    const soon = { RAY_EP_TAKEOVER_AFTER: "1" };
    const cpu = rig.node("ray-cpu", soon);
    await cpu.says("✓ Ray cluster is ready!");
    rig.node("ray-gpu", soon);
    rig.node("ray-big", { HEAD_ADDRESS: `${rig.host("", 40)}:6379`, NODE_IP_ADDRESS: rig.host("", 3) });
    const { page, complaints } = await openPage(browser, `http://${rig.healthHost}:8080/`);
    await says(page, "h1", "ray-cpu leads since");
    await says(page, "h1", "2 of 3 nodes are ALIVE. ");
    await rowSays(page, "ray-cpu", /HEAD.*ALIVE/);
    // A node that waits for a HEAD that does not exist.
    await rowSays(page, "ray-big", `${rig.host("", 40)}:6379 refuses connections`);
    await says(page, ".trouble", `ray-big waits: ${rig.host("", 40)}:6379 refuses connections.`);
    expect(await seriousIn(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: "light" });
    await shoot(page, "cluster");

    (await rig.rays.run("ray-gpu")).die("SIGKILL");
    await rowSays(page, "ray-gpu", /Ray ended by itself|ray-exited/, 3000);
    await rowOf(page, "ray-gpu").locator("[data-title=Restarts]", { hasText: "1" }).waitFor();
    await says(page, ".events li", "restarted Ray");
    await shoot(page, "worker-killed");

    await page.getByRole("button", { name: "Log of ray-gpu" }).press("Enter");
    await says(page, "pre", "Mode: worker");
    await shoot(page, "log");

    health.signal("SIGKILL");
    await says(page, ".notice", "The health service has been gone since");
    expect(await rowOf(page, "ray-cpu").count()).toBe(1);
    expect(await seriousIn(page)).toEqual([]);
    await shoot(page, "service-gone");
    await rig.health({ ...FAST, RAY_EP_HEALTH_STATE_DIR: `${rig.folder}/health` });
    await says(page, ".link", "Live");
    await says(page, "h1", "ray-cpu leads since");

    cpu.signal("SIGKILL");
    (await rig.rays.run("ray-cpu")).die("SIGKILL");
    await says(page, "h1", "No HEAD", 15_000);
    await shoot(page, "no-head");
    await says(page, "h1", "ray-gpu leads since", 40_000);
    await says(page, ".epochs .present", "takeover after ray-cpu");
    await shoot(page, "next-head");
    expect(complaints).toEqual([]);
  }, 90_000);
});

/** What the protocol of reports lets through, and in `RAW` what it does not. */
const SCRIPT = "<script>window.harmed=1<\u200b";
const RAW = `\u202eevil\u2066<img/src=x/onerror=window.harmed=1>\u0007${"word ".repeat(2000)}`;

describe.skipIf(noBrowser)("what nodes say is text and nothing else:", () => {
  let service: HealthServiceProcess;
  beforeEach(async () => {
    service = await (await HealthServiceProcess.launch()).listening();
  });
  afterEach(() => service.remove());

  test("markup, marks of direction and 10 kB of words", async () => {
    const name = SCRIPT.slice(0, -1);
    const report = { life: "a", role: "worker", state: "watching", head: null, nodeManagerPort: null };
    const path = `/v1/nodes/${encodeURIComponent(name)}`;
    const put = await service.call("PUT", path, { ...report, advertise: null });
    expect(put.status).toBe(200);
    const { page, complaints } = await openPage(browser, "about:blank");
    // A service that lets all through.
    await page.route("**/v1/stream*", async (route) => {
      const { body } = await service.call("GET", "/v1/cluster");
      const view = body as { nodes: object[] };
      const status = { node: RAW, whitelist: [], waits: null, heads: [], reach: { result: RAW, at: RAW } };
      const more = { version: RAW, ray: RAW, restarts: 0, failure: null, fault: { reason: RAW, at: 0 } };
      view.nodes.push({ ...report, name: RAW, seenAgo: 0, advertise: RAW, status: { ...status, ...more } });
      const refused = { id: 1, at: 0, kind: "refused", node: RAW, what: "join", reason: RAW, message: RAW };
      const frames = [
        ["cluster", view],
        ["event", refused],
      ] as const;
      const text = frames.map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
      await route.fulfill({ contentType: "text/event-stream", body: text.join("") });
    });
    await page.goto(`http://127.0.0.1:${service.port}/`);
    await page.locator("tbody th").nth(1).waitFor();
    const text = await page.locator("main").textContent();
    expect(text).toContain(name);
    expect(text).toContain("\\u202eevil\\u2066<img/src=x/onerror");
    expect(text).toBe(visible(text ?? ""));
    expect(text?.length).toBeLessThan(4000);
    const [whole] = await page
      .locator("bdi[title]")
      .evaluateAll((all) => all.map((each) => each.getAttribute("title")));
    expect(whole?.length).toBeGreaterThan(10_000);
    expect(await page.evaluate("[window.harmed, document.scripts.length, document.images.length]")).toEqual([
      ...[undefined, 1, 0],
    ]);
    expect(complaints).toEqual([]);
  });

  test("its policy lets no other script run", async () => {
    const { page } = await openPage(browser, `http://127.0.0.1:${service.port}/`);
    await page.locator("h1").waitFor();
    await page.evaluate(`
      const script = document.createElement("script");
      script.textContent = "window.harmed = 1";
      document.body.append(script);`);
    expect(await page.evaluate("window.harmed")).toBeUndefined();
  });
});

describe.skipIf(noBrowser)("a cluster of members", () => {
  const members = new MemberService();
  beforeAll(() => members.start());
  afterAll(() => members.remove());

  test("is shown by ws open without any question, over a service that restarts", async () => {
    const { as: bearer } = await members.join("m1");
    const ending = new AbortController();
    const access = { services: [`127.0.0.1:${members.port}`], ca: members.read("ca.crt"), bearer };
    const { url } = await servePage(access, ending.signal);
    const { page } = await openPage(browser, url);
    await says(page, ".events li", "m1 joined at 127.0.0.1 as a candidate");
    expect(page.url()).not.toContain("code");
    await members.restart();
    await says(page, ".notice", "The health service has been gone since");
    await says(page, ".link", "Live");
    ending.abort();
    await says(page, ".notice", "The health service has been gone since");
  });

  test("asks for a credential once", async () => {
    const url = `https://127.0.0.1:${members.port}/`;
    const { page } = await openPage(browser, url, { ignoreHTTPSErrors: true });
    await page.getByLabel("Health token").fill("wrong");
    await page.getByRole("button", { name: "Open" }).click();
    await says(page, "#why", "expected the health token");
    expect(await seriousIn(page)).toEqual([]);
    await page.getByLabel("Health token").fill(members.read("admin-token").trim());
    await page.getByLabel("Health token").press("Enter");
    await says(page, "h1", "No HEAD yet. No node reports.");
    await page.reload();
    await says(page, "h1", "No HEAD yet. No node reports.");
  });
});
