import { formatAddress } from "../../../common/address.ts";
import { MODE_LINES } from "../../../common/protocol/specification.ts";
import { TEST_WORKER_NAME } from "../../config/settings.ts";
import { allOf, type Check, eachOf, fails, given, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import {
  expectedHead,
  gib,
  judgeActive,
  judgeMode,
  lastMode,
  livingMainNodes,
  livingNode,
  mainNames,
  otherNames,
  sum,
  total,
  wantedCpus,
} from "../facts.ts";

async function judgeHead(context: CheckContext): Promise<Verdict> {
  const wanted = expectedHead(context);
  const node = await livingNode(context, wanted);
  const mode = await lastMode(context, wanted);
  if (node === undefined) return fails(`no GCS lists ${wanted} as ALIVE; its log: ${mode}`);
  const role = node.isHead ? "HEAD" : "WORKER";
  return verdict(node.isHead && mode === MODE_LINES.head, `${wanted} is ${role}; ${mode}`);
}

async function judgeWorker(context: CheckContext, name: string): Promise<Verdict> {
  const node = await livingNode(context, name);
  const mode = await lastMode(context, name);
  const role = node === undefined ? "not ALIVE" : node.isHead ? "HEAD" : "WORKER";
  return verdict(role === "WORKER" && mode === MODE_LINES.worker, `${role}; ${mode}`);
}

async function judgeFound(context: CheckContext, name: string): Promise<Verdict> {
  const decision = (await context.status(name))?.decision;
  return decision?.head
    ? verdict(true, `${decision.head} (rule ${decision.rule})`)
    : fails("says nothing of a HEAD");
}

async function judgeOneHead(context: CheckContext): Promise<Verdict> {
  const heads = await context.heads();
  const seen = heads.map(({ address, version }) => `${formatAddress(address)} (Ray ${version})`).join(", ");
  return verdict(heads.length === 1, `${heads.length} GCS answers: ${seen || "none"}`);
}

async function judgeRayStatus(context: CheckContext): Promise<Verdict> {
  const withTest = (await livingNode(context, TEST_WORKER_NAME)) !== undefined;
  const wanted = context.settings.nodes.length + (withTest ? 1 : 0);
  const expected = `${wanted}${withTest ? ` with ${TEST_WORKER_NAME}` : ""}`;
  return judgeActive(context, (active) => active === wanted, expected);
}

async function judgeCpus(context: CheckContext): Promise<Verdict> {
  const nodes = await livingMainNodes(context);
  const wanted = wantedCpus(context.settings.nodes);
  const got = total(nodes, "CPU");
  const parts = nodes.map(({ name, resources }) => `${name}: ${resources.CPU ?? 0}`).join(" + ");
  return verdict(got === wanted, `${got.toFixed(1)} (${parts}), expected ${wanted.toFixed(1)}`);
}

/** Ray keeps a little of what it is given for itself, so "about" is within 5 %. */
const TOLERANCE = 0.05;

async function judgeMemory(context: CheckContext): Promise<Verdict> {
  const nodes = await livingMainNodes(context);
  const wished = sum(context.settings.nodes.map(({ memoryBytes }) => memoryBytes));
  const wanted = sum(mainNames(context).map(context.memoryOf));
  const [memory, store] = [total(nodes, "memory"), total(nodes, "object_store_memory")];
  const near = Math.abs(memory + store - wanted) <= wanted * TOLERANCE;
  const cut = wanted === wished ? "" : `, all that this machine gives of the ${gib(wished)} in config.yaml`;
  return verdict(near, `${gib(memory)} + ${gib(store)} of object store, expected about ${gib(wanted)}${cut}`);
}

const judgeTasks = (context: CheckContext): Promise<Verdict> =>
  given(context.client(), async (tried) => {
    const nodes = await livingMainNodes(context);
    const ran = allOf(
      nodes.map(({ name }) => {
        const task = tried.find(({ kind, to }) => kind === "task" && to === name);
        return task?.ok
          ? verdict(true, `${name} ran one at ${task.saw}`)
          : fails(`${name}: ${task?.saw ?? "none came back"}`);
      }),
    );
    return nodes.length === context.settings.nodes.length
      ? ran
      : fails(`${nodes.length} nodes are ALIVE; ${ran.saw}`);
  });

const judgeRoles = eachOf(mainNames, (context, name) =>
  judgeMode(context, name, name === expectedHead(context) ? "head" : "worker"),
);

/** A scenario of the specification (docs/specification.md), by the commands that it names for its verification. */
async function judgeDiscovery(context: CheckContext): Promise<Verdict> {
  const least = context.settings.nodes.length;
  const active = judgeActive(context, (nodes) => nodes >= least, `at least ${least}`);
  return allOf([await judgeRoles(context), await active]);
}

export const CLUSTER_CHECKS: readonly Check[] = [
  ["cluster/head", "The first candidate (ray-cpu) started as HEAD", judgeHead],
  ["cluster/worker", "Every other node (ray-gpu) started as WORKER", eachOf(otherNames, judgeWorker)],
  ["cluster/found", "The WORKER says which HEAD it found", eachOf(otherNames, judgeFound)],
  ["cluster/one-head", "Exactly one HEAD", judgeOneHead],
  ["cluster/ray-status", "ray status shows the main nodes (2)", judgeRayStatus],
  ["cluster/cpus", "CPU: 8.0 (ray-cpu: 4 + ray-gpu: 4)", judgeCpus],
  ["cluster/memory", "Memory: about 16 GiB", judgeMemory],
  ["cluster/tasks", "Every main node runs a task", judgeTasks],
  ["scenario/1", "Scenario 1: HEAD and WORKER find their roles", judgeDiscovery],
];
