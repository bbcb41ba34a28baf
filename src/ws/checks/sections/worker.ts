import { MODE_LINES } from "../../../common/protocol/specification.ts";
import { TEST_WORKER_NAME } from "../../config/settings.ts";
import { checksOf, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { judgeActive, judgeHeadAddress, lastMode, livingMainNodes, livingNode, sum } from "./common.ts";

async function judgeOutside(context: CheckContext): Promise<Verdict> {
  const status = await context.status(TEST_WORKER_NAME);
  if (status === undefined) return fails("it says nothing of itself");
  const { node, place, whitelist } = status;
  const list = whitelist.join(", ");
  return verdict(
    place === null,
    place === null ? `${node} is none of ${list}` : `${node} is number ${place} of ${list}`,
  );
}

async function judgeJoined(context: CheckContext): Promise<Verdict> {
  const node = await livingNode(context, TEST_WORKER_NAME);
  if (node === undefined) return fails(`the GCS lists no living ${TEST_WORKER_NAME}`);
  const client = await context.client();
  const task = client.ok ? client.value.tasks.find(({ nodeId }) => nodeId === node.nodeId) : undefined;
  const main = sum((await livingMainNodes(context)).map(({ resources }) => resources.CPU ?? 0));
  const own = node.resources.CPU ?? 0;
  const ran =
    task?.ok === true ? `a task ran at ${task.ranAt}` : `no task ran: ${task?.error ?? "none came back"}`;
  return verdict(
    task?.ok === true && own > 0,
    `ALIVE at ${node.address}; CPU ${main} → ${main + own}; ${ran}`,
  );
}

function judgeCount(context: CheckContext): Promise<Verdict> {
  const wanted = context.settings.nodes.length + 1;
  return judgeActive(context, (active) => active === wanted, `${wanted}`);
}

async function judgeMode(context: CheckContext): Promise<Verdict> {
  const mode = await lastMode(context, TEST_WORKER_NAME);
  return verdict(mode === MODE_LINES.worker, mode);
}

export const WORKER_CHECKS = checksOf("Test worker", [
  ["worker/not-in-whitelist", "It sees that its hostname is not in the whitelist", judgeOutside],
  ["worker/head-address", "It uses HEAD_ADDRESS", judgeHeadAddress],
  ["worker/mode", "It started in WORKER mode", judgeMode],
  ["worker/joined", "It joined ray-cpu's cluster and works", judgeJoined],
  ["worker/ray-status", "ray status shows one node more (3)", judgeCount],
]);
