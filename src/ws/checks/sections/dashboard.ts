import { request } from "undici";
import * as z from "zod";
import { deadlineIn, pause } from "../../../common/deadline.ts";
import { TEST_WORKER_NAME } from "../../settings.ts";
import { type Check, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { dashboardHeaders } from "../dashboard-headers.ts";
import { livingMainNodes, livingNode } from "./common.ts";

const section = "Ray dashboard";
const TIMEOUT_MS = 10_000;

async function get({ token }: CheckContext, url: string): Promise<{ status: number; text: string }> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const { statusCode, body } = await request(url, { signal, headers: dashboardHeaders(token) });
  return { status: statusCode, text: await body.text() };
}

/** The requests of the dashboard's own page (ray/dashboard/client, 2.40 to 2.60). */
async function onDashboard(
  context: CheckContext,
  judge: (url: string) => Promise<Verdict>,
): Promise<Verdict> {
  const url = await context.dashboardUrl();
  if (!url.ok) return fails(url.error);
  return judge(url.value).catch((error: unknown) =>
    fails(`${url.value}: ${error instanceof Error ? error.message : String(error)}`),
  );
}

const judgeOpen = (context: CheckContext): Promise<Verdict> =>
  onDashboard(context, async (url) => {
    const { status, text } = await get(context, url);
    const title = /<title>([^<]*)<\/title>/.exec(text)?.[1];
    return verdict(
      status === 200 && title === "Ray Dashboard",
      `${url}: ${status}, title ${title ?? "none"}`,
    );
  });

const Summary = z.object({
  data: z.object({
    summary: z.array(z.object({ raylet: z.object({ nodeId: z.string(), state: z.string() }) })),
  }),
});

/** The dashboard shows a node that joined some seconds after the GCS lists it. */
const SETTLES_MS = 30_000;
const LOOK_EVERY_MS = 1000;

const judgeNodes = (context: CheckContext): Promise<Verdict> =>
  onDashboard(context, async (url) => {
    const deadline = deadlineIn(SETTLES_MS);
    for (;;) {
      const seen = await judgeShown(context, url);
      if (seen.ok || deadline.expired() || !(await pause(LOOK_EVERY_MS, context.signal))) return seen;
    }
  });

async function judgeShown(context: CheckContext, url: string): Promise<Verdict> {
  const { text } = await get(context, `${url}/nodes?view=summary`);
  const { summary } = Summary.parse(JSON.parse(text)).data;
  const alive = summary.filter(({ raylet }) => raylet.state === "ALIVE").map(({ raylet }) => raylet.nodeId);
  const main = await livingMainNodes(context);
  const shown = main.filter(({ nodeId }) => alive.includes(nodeId)).map(({ name }) => name);
  const test = await livingNode(context, TEST_WORKER_NAME);
  const testShown = test === undefined || alive.includes(test.nodeId);
  const wanted = context.settings.nodes.length;
  return verdict(
    shown.length === wanted && testShown && alive.length === wanted + (test === undefined ? 0 : 1),
    `${alive.length} ALIVE: ${[...shown, ...(test !== undefined && testShown ? [TEST_WORKER_NAME] : [])].join(", ")}`,
  );
}

const LogList = z.object({ data: z.object({ result: z.record(z.string(), z.array(z.string())) }) });

const judgeLogs = (context: CheckContext): Promise<Verdict> =>
  onDashboard(context, async (url) => {
    const nodes = await livingMainNodes(context);
    const seen = await Promise.all(
      nodes.map(async ({ name, nodeId }) => {
        const list = await get(context, `${url}/api/v0/logs?node_id=${nodeId}`);
        if (list.status !== 200)
          return { ok: false, saw: `${name}: ${list.status} ${list.text.slice(0, 80)}` };
        const files = Object.values(LogList.parse(JSON.parse(list.text)).data.result).flat();
        const file = await get(
          context,
          `${url}/api/v0/logs/file?node_id=${nodeId}&filename=raylet.out&lines=10`,
        );
        const ok = files.includes("raylet.out") && file.status === 200 && file.text.length > 0;
        return {
          ok,
          saw: `${name}: ${files.length} files, raylet.out ${file.status}, ${file.text.length} bytes`,
        };
      }),
    );
    return verdict(
      seen.length === context.settings.nodes.length && seen.every(({ ok }) => ok),
      seen.map(({ saw }) => saw).join("; ") || "no node is ALIVE",
    );
  });

export const DASHBOARD_CHECKS: readonly Check[] = [
  { id: "dashboard/open", section, title: "The dashboard opens (port 8265)", run: judgeOpen },
  { id: "dashboard/nodes", section, title: "The Cluster tab shows the nodes", run: judgeNodes },
  { id: "dashboard/logs", section, title: "The Logs tab shows the nodes' logs", run: judgeLogs },
];
