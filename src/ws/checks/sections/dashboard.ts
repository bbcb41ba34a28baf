import * as z from "zod/mini";
import { TEST_WORKER_NAME } from "../../config/settings.ts";
import { askUntil, dashboardHeaders, send } from "../asking.ts";
import { attempt, check, eachOf, fails, given, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { livingMainNodes, livingNode, mainNames } from "../facts.ts";

const TIMEOUT_MS = 15_000;

type Answer = Awaited<ReturnType<typeof send>>;

/** Judges answers to the requests of the dashboard's own page (ray/dashboard/client, 2.40 to 2.60). */
const onDashboard = (
  { dashboardUrl, token }: CheckContext,
  judge: (ask: (path: string, sent?: object) => Promise<Answer>, url: string) => Promise<Verdict>,
): Promise<Verdict> =>
  given(dashboardUrl(), (url) =>
    attempt(url, () =>
      judge((path, sent) => send(`${url}${path}`, TIMEOUT_MS, dashboardHeaders(token), sent), url),
    ),
  );

/** The JSON of an answer; throws where it is another one than we know. */
function parsed<T>(schema: z.ZodMiniType<T>, { status, text }: Answer): T {
  if (status !== 200) throw new Error(`${status} ${text.slice(0, 200)}`);
  const read = schema.safeParse(JSON.parse(text));
  if (!read.success) throw new Error(`not the answer we know: ${text.slice(0, 200)}`);
  return read.data;
}

const Summary = z.object({
  data: z.object({
    summary: z.array(z.object({ raylet: z.object({ nodeId: z.string(), state: z.string() }) })),
  }),
});
/** The dashboard shows a node that joined some seconds after the GCS lists it. */
const SETTLES = { forMs: 30_000, everyMs: 1000 };
const LogList = z.object({ data: z.object({ result: z.record(z.string(), z.array(z.string())) }) });
const JOB = { forMs: 90_000, everyMs: 500 };
const WORD = "ws-test-job-was-here";
const ENDS = ["SUCCEEDED", "FAILED", "STOPPED"];
const Submitted = z.object({ submission_id: z.string() });
const Status = z.object({ status: z.string() });
const Logs = z.object({ logs: z.string() });

/** The dashboard, and what goes through it. */
export const DASHBOARD_CHECKS = [
  check("dashboard/open", "The dashboard opens (port 8265)", (context) =>
    onDashboard(context, async (ask, url) => {
      const { status, text } = await ask("");
      const title = /<title>([^<]*)<\/title>/.exec(text)?.[1];
      const saw = `${url}: ${status}, title ${title ?? "none"}`;
      return verdict(status === 200 && title === "Ray Dashboard", saw);
    }),
  ),
  check("dashboard/nodes", "The Cluster tab shows the nodes", (context) =>
    onDashboard(context, async (ask) => {
      const test = await livingNode(context, TEST_WORKER_NAME);
      const nodes = [...(await livingMainNodes(context)), ...(test ? [test] : [])];
      const wanted = context.settings.nodes.length + (test ? 1 : 0);
      const judge = async () => {
        const { summary } = parsed(Summary, await ask("/nodes?view=summary")).data;
        const alive = summary.flatMap(({ raylet }) => (raylet.state === "ALIVE" ? [raylet.nodeId] : []));
        const shown = nodes.filter(({ nodeId }) => alive.includes(nodeId)).map(({ name }) => name);
        const saw = `${alive.length} ALIVE: ${shown.join(", ")}`;
        return verdict(shown.length === wanted && alive.length === wanted, saw);
      };
      return askUntil(({ ok }) => ok, judge, { ...SETTLES, signal: context.signal });
    }),
  ),
  check("dashboard/logs", "The Logs tab shows the nodes' logs", (context) =>
    eachOf(mainNames(context), (name) =>
      onDashboard(context, async (ask) => {
        const node = await livingNode(context, name);
        if (node === undefined) return fails("not ALIVE");
        const list = parsed(LogList, await ask(`/api/v0/logs?node_id=${node.nodeId}`));
        const files = Object.values(list.data.result).flat();
        const raylet = `node_id=${node.nodeId}&filename=raylet.out&lines=10`;
        const { status, text } = await ask(`/api/v0/logs/file?${raylet}`);
        return verdict(
          files.includes("raylet.out") && status === 200 && text.length > 0,
          `${files.length} files, raylet.out ${status}, ${text.length} bytes`,
        );
      }),
    ),
  ),
  // The dashboard's REST API (ray/dashboard/modules/job, Ray 2.40 to 2.60).
  check("pairs/job", "A job submitted through the dashboard's port runs", (context) =>
    onDashboard(context, async (ask) => {
      const { submission_id: id } = parsed(
        Submitted,
        await ask("/api/jobs/", { entrypoint: `echo ${WORD}` }),
      );
      const { status } = await askUntil(
        (job) => ENDS.includes(job.status),
        async () => parsed(Status, await ask(`/api/jobs/${id}`)),
        { ...JOB, signal: context.signal },
      );
      if (!ENDS.includes(status)) return fails(`${id} is ${status} after ${JOB.forMs / 1000} s`);
      const { logs } = parsed(Logs, await ask(`/api/jobs/${id}/logs`));
      const printed = logs.includes(WORD);
      const saw = `${id}: ${status}, it printed ${printed ? WORD : JSON.stringify(logs.slice(-200))}`;
      return verdict(status === "SUCCEEDED" && printed, saw);
    }),
  ),
];
