import { MODE_LINES } from "../../../common/specification.ts";
import { TEST_WORKER_NAME } from "../../settings.ts";
import { type Check, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { activeNodes } from "../ray-status.ts";
import { judgeHeadAddress, lastMode, livingMainNodes, livingNode, sum } from "./common.ts";

const section = "Test worker";

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

async function judgeCount(context: CheckContext): Promise<Verdict> {
  const status = await context.rayStatus();
  if (!status.ok) return fails(status.error);
  const active = activeNodes(status.value);
  const wanted = context.settings.nodes.length + 1;
  return verdict(active === wanted, `ray status: ${active ?? "unknown"} active nodes, expected ${wanted}`);
}

export const WORKER_CHECKS: readonly Check[] = [
  {
    id: "worker/not-in-whitelist",
    section,
    title: "It sees that its hostname is not in the whitelist",
    run: judgeOutside,
  },
  {
    id: "worker/head-address",
    section,
    title: "It uses HEAD_ADDRESS",
    run: judgeHeadAddress,
  },
  {
    id: "worker/mode",
    section,
    title: "It started in WORKER mode",
    run: async (context) => {
      const mode = await lastMode(context, TEST_WORKER_NAME);
      return verdict(mode === MODE_LINES.worker, mode);
    },
  },
  { id: "worker/joined", section, title: "It joined ray-cpu's cluster and works", run: judgeJoined },
  { id: "worker/ray-status", section, title: "ray status shows one node more (3)", run: judgeCount },
];
