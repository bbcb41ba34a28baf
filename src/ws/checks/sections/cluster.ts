import { formatAddress } from "../../../common/address.ts";
import { MODE_LINES } from "../../../common/protocol/specification.ts";
import { TEST_WORKER_NAME } from "../../config/settings.ts";
import { allOf, checksOf, eachOf, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import {
  expectedHead,
  gib,
  judgeActive,
  lastMode,
  livingMainNodes,
  livingNode,
  otherNames,
  sum,
} from "./common.ts";

async function judgeHead(context: CheckContext): Promise<Verdict> {
  const wanted = expectedHead(context);
  const node = await livingNode(context, wanted);
  const mode = await lastMode(context, wanted);
  if (node === undefined) return fails(`no GCS lists ${wanted} as ALIVE; its log: ${mode}`);
  return verdict(
    node.isHead && mode === MODE_LINES.head,
    `${wanted} is ${node.isHead ? "HEAD" : "WORKER"}; ${mode}`,
  );
}

const judgeWorkers = (context: CheckContext): Promise<Verdict> =>
  eachOf(
    otherNames(context),
    async (name) => {
      const node = await livingNode(context, name);
      const mode = await lastMode(context, name);
      const role = node === undefined ? "not ALIVE" : node.isHead ? "HEAD" : "WORKER";
      return verdict(role === "WORKER" && mode === MODE_LINES.worker, `${role}; ${mode}`);
    },
    "config.yaml has one node only",
  );

async function judgeRayStatus(context: CheckContext): Promise<Verdict> {
  const { length } = context.settings.nodes;
  const withTest = (await livingNode(context, TEST_WORKER_NAME)) !== undefined;
  const wanted = withTest ? length + 1 : length;
  return judgeActive(
    context,
    (active) => active === wanted,
    `${wanted}${withTest ? ` with ${TEST_WORKER_NAME}` : ""}`,
  );
}

async function judgeCpus(context: CheckContext): Promise<Verdict> {
  const nodes = await livingMainNodes(context);
  const wanted = sum(context.settings.nodes.map(({ cpus }) => Math.max(1, Math.floor(cpus))));
  const got = sum(nodes.map(({ resources }) => resources.CPU ?? 0));
  const parts = nodes.map(({ name, resources }) => `${name}: ${resources.CPU ?? 0}`).join(" + ");
  return verdict(got === wanted, `${got.toFixed(1)} (${parts}), expected ${wanted.toFixed(1)}`);
}

/** Ray keeps a little of what it is given for itself, so "about" is within 5 %. */
const TOLERANCE = 0.05;

async function judgeMemory(context: CheckContext): Promise<Verdict> {
  const nodes = await livingMainNodes(context);
  const wished = sum(context.settings.nodes.map(({ memoryBytes }) => memoryBytes));
  const wanted = sum(context.settings.nodes.map(({ name }) => context.expectedMemory(name)));
  const memory = sum(nodes.map(({ resources }) => resources.memory ?? 0));
  const store = sum(nodes.map(({ resources }) => resources.object_store_memory ?? 0));
  const near = Math.abs(memory + store - wanted) <= wanted * TOLERANCE;
  const cut = wanted === wished ? "" : `, all that this machine gives of the ${gib(wished)} in config.yaml`;
  return verdict(near, `${gib(memory)} + ${gib(store)} of object store, expected about ${gib(wanted)}${cut}`);
}

async function judgeTasks(context: CheckContext): Promise<Verdict> {
  const nodes = await livingMainNodes(context);
  const client = await context.client();
  if (!client.ok) return fails(client.error);
  const ran = nodes.map(({ name, nodeId, address }) => {
    const task = client.value.tasks.find((each) => each.nodeId === nodeId);
    return task?.ok === true
      ? verdict(true, `${name} ran one at ${task.ranAt ?? address}`)
      : fails(`${name}: ${task?.error ?? "none came back"}`);
  });
  return ran.length === context.settings.nodes.length
    ? allOf(ran)
    : fails(`${ran.length} nodes are ALIVE; ${allOf(ran).saw}`);
}

async function judgeOneHead(context: CheckContext): Promise<Verdict> {
  const heads = await context.heads();
  const seen = heads.map(({ address, version }) => `${formatAddress(address)} (Ray ${version})`).join(", ");
  return verdict(heads.length === 1, `${heads.length} GCS answers: ${seen || "none"}`);
}

const judgeFound = (context: CheckContext): Promise<Verdict> =>
  eachOf(
    otherNames(context),
    async (name) => {
      const decision = (await context.status(name))?.decision;
      return decision?.head
        ? verdict(true, `${decision.head} (rule ${decision.rule})`)
        : fails("says nothing of a HEAD");
    },
    "one node only",
  );

export const CLUSTER_CHECKS = checksOf("Cluster", [
  ["cluster/head", "The first candidate (ray-cpu) started as HEAD", judgeHead],
  ["cluster/worker", "Every other node (ray-gpu) started as WORKER", judgeWorkers],
  ["cluster/found", "The WORKER says which HEAD it found", judgeFound],
  ["cluster/one-head", "Exactly one HEAD", judgeOneHead],
  ["cluster/ray-status", "ray status shows the main nodes (2)", judgeRayStatus],
  ["cluster/cpus", "CPU: 8.0 (ray-cpu: 4 + ray-gpu: 4)", judgeCpus],
  ["cluster/memory", "Memory: about 16 GiB", judgeMemory],
  ["cluster/tasks", "Every main node runs a task", judgeTasks],
]);
