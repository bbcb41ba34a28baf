import { deadlineIn, pause } from "../../../common/deadline.ts";
import type { NodeInfo } from "../../../gcs/client.ts";
import { newestNamed } from "../../cluster/snapshot.ts";
import { TEST_WORKER_NAME } from "../../config/settings.ts";
import { checksOf, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { livingNode } from "./common.ts";
import { judgeIsolation } from "./isolation.ts";

/** A worker that the GCS cannot call back is ALIVE at first and marked dead after about 20 s (Ray 2.40 to 2.60). */
const STAYS_MS = 60_000;
const LOOK_EVERY_MS = 2000;

async function judgeStays(context: CheckContext): Promise<Verdict> {
  const first = await livingNode(context, TEST_WORKER_NAME);
  if (first === undefined) return fails(`the GCS lists no living ${TEST_WORKER_NAME}`);
  const age = first.startedAtMs === 0 ? 0 : Math.max(0, Date.now() - first.startedAtMs);
  const deadline = deadlineIn(STAYS_MS - age);
  for (;;) {
    const seen = await judgeNow(context, first);
    if (!seen.ok || deadline.expired()) return seen;
    if (!(await pause(Math.min(LOOK_EVERY_MS, deadline.remainingMs()), context.signal)))
      return fails("interrupted");
  }
}

async function judgeNow(context: CheckContext, first: NodeInfo): Promise<Verdict> {
  const view = await context.freshCluster();
  if (!view.ok) return fails(view.error);
  const now = newestNamed(view.value.nodes, TEST_WORKER_NAME);
  if (now?.alive !== true) return fails("the GCS lists it as DEAD now");
  return verdict(
    now.nodeId === first.nodeId,
    `ALIVE as node ${now.nodeId.slice(0, 8)}, joined as ${first.nodeId.slice(0, 8)}`,
  );
}

const needsDocker = ({ runtime }: CheckContext): string | undefined =>
  runtime === "embedded" ? "needs Docker: here all nodes share one machine" : undefined;

export const NAT_CHECKS = checksOf("Across networks", [
  ["nat/apart", "The two networks cannot reach each other directly", judgeIsolation, needsDocker],
  ["nat/stays", "The test worker is still ALIVE 60 s after it joined", judgeStays, needsDocker],
]);
