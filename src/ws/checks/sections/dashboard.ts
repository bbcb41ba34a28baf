import * as z from "zod";
import { deadlineIn, pause } from "../../../common/deadline.ts";
import { TEST_WORKER_NAME } from "../../config/settings.ts";
import { attempt, checksOf, eachOf, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { dashboardHeaders, send } from "../http.ts";
import { livingMainNodes, livingNode, mainNames } from "./common.ts";

const TIMEOUT_MS = 10_000;

type Ask = (path: string) => ReturnType<typeof send>;

/** The requests of the dashboard's own page (ray/dashboard/client, 2.40 to 2.60). */
async function onDashboard(
  context: CheckContext,
  judge: (ask: Ask, url: string) => Promise<Verdict>,
): Promise<Verdict> {
  const url = await context.dashboardUrl();
  if (!url.ok) return fails(url.error);
  const ask: Ask = (path) => send(`${url.value}${path}`, TIMEOUT_MS, dashboardHeaders(context.token));
  return attempt(url.value, () => judge(ask, url.value));
}

const judgeOpen = (context: CheckContext): Promise<Verdict> =>
  onDashboard(context, async (ask, url) => {
    const { status, text } = await ask("");
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
  onDashboard(context, async (ask) => {
    const deadline = deadlineIn(SETTLES_MS);
    for (;;) {
      const seen = await judgeShown(context, ask);
      if (seen.ok || deadline.expired() || !(await pause(LOOK_EVERY_MS, context.signal))) return seen;
    }
  });

async function judgeShown(context: CheckContext, ask: Ask): Promise<Verdict> {
  const { text } = await ask("/nodes?view=summary");
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
  onDashboard(context, async (ask) => {
    return eachOf(mainNames(context), async (name) => {
      const node = await livingNode(context, name);
      if (node === undefined) return fails("not ALIVE");
      const list = await ask(`/api/v0/logs?node_id=${node.nodeId}`);
      if (list.status !== 200) return fails(`${list.status} ${list.text.slice(0, 80)}`);
      const files = Object.values(LogList.parse(JSON.parse(list.text)).data.result).flat();
      const { status, text } = await ask(
        `/api/v0/logs/file?node_id=${node.nodeId}&filename=raylet.out&lines=10`,
      );
      return verdict(
        files.includes("raylet.out") && status === 200 && text.length > 0,
        `${files.length} files, raylet.out ${status}, ${text.length} bytes`,
      );
    });
  });

export const DASHBOARD_CHECKS = checksOf("Ray dashboard", [
  ["dashboard/open", "The dashboard opens (port 8265)", judgeOpen],
  ["dashboard/nodes", "The Cluster tab shows the nodes", judgeNodes],
  ["dashboard/logs", "The Logs tab shows the nodes' logs", judgeLogs],
]);
