import { TEST_WORKER_NAME } from "../../config/settings.ts";
import { allOf, checksOf, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { runJob } from "../job-probe.ts";
import type { PairResult } from "../pairs-probe.ts";
import { mainNames } from "./common.ts";

/** Judges what every ordered pair of `names` did together. */
const judgePairs =
  (kind: PairResult["kind"], namesOf: (context: CheckContext) => readonly string[]) =>
  async (context: CheckContext): Promise<Verdict> => {
    const client = await context.client();
    if (client.ok && !client.value.connected)
      return fails(`Ray Client does not connect: ${client.value.error}`);
    const report = await context.pairs();
    if (!report.ok) return fails(report.error);
    const { error, pairs } = report.value;
    if (error !== null && pairs.length === 0) return fails(error);
    const names = namesOf(context);
    const wanted = names.flatMap((from) => names.filter((to) => to !== from).map((to) => ({ from, to })));
    const seen = wanted.map(({ from, to }) => {
      const pair = pairs.find((each) => each.kind === kind && each.from === from && each.to === to);
      return pair === undefined
        ? fails(`${from} → ${to}: was not tried, ${error ?? "one of them is not ALIVE"}`)
        : verdict(pair.ok, `${from} → ${to}: ${pair.saw} (${Math.round(pair.ms)} ms)`);
    });
    const wrong = seen.filter(({ ok }) => !ok);
    return allOf(wrong.length === 0 ? seen : wrong, "one node only");
  };

const allNames = (context: CheckContext): string[] => [...mainNames(context), TEST_WORKER_NAME];

const WORD = "ws-test-job-was-here";

async function judgeJob(context: CheckContext): Promise<Verdict> {
  const url = await context.dashboardUrl();
  if (!url.ok) return fails(url.error);
  const job = await runJob(url.value, `echo ${WORD}`, {
    signal: context.signal,
    token: context.token ?? null,
  });
  if (!job.ok) return fails(job.error);
  const { id, status, output } = job.value;
  return verdict(
    status === "SUCCEEDED" && output.includes(WORD),
    `${id}: ${status}, it printed ${output.includes(WORD) ? WORD : JSON.stringify(output.slice(-200))}`,
  );
}

/** What the specification takes for granted once all nodes are listed. */
export const PAIR_CHECKS = checksOf("Between the nodes", [
  ["pairs/tasks", "Each node runs a task for each other node", judgePairs("task", allNames)],
  ["pairs/actors", "An actor on each node calls one on each other node", judgePairs("actor", allNames)],
  [
    "pairs/objects",
    "Objects of 32 MB move from each node to each other node",
    judgePairs("object", allNames),
  ],
  [
    "pairs/servers",
    "A task's TCP server on its node's address is reached by a task on the other main node",
    judgePairs("server", mainNames),
  ],
  ["pairs/job", "A job submitted through the dashboard's port runs", judgeJob],
]);
