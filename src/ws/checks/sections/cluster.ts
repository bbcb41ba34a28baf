import { formatAddress } from "../../../common/address.ts";
import { MODE_LINES } from "../../../common/specification.ts";
import { TEST_WORKER_NAME } from "../../settings.ts";
import { type Check, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { activeNodes } from "../ray-status.ts";
import { expectedHead, gib, lastMode, livingMainNodes, livingNode, sum } from "./common.ts";

const section = "Cluster";

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

async function judgeWorkers(context: CheckContext): Promise<Verdict> {
  const head = expectedHead(context);
  const others = context.settings.nodes.filter(({ name }) => name !== head);
  const seen = await Promise.all(
    others.map(async ({ name }) => {
      const node = await livingNode(context, name);
      const mode = await lastMode(context, name);
      const role = node === undefined ? "not ALIVE" : node.isHead ? "HEAD" : "WORKER";
      return { ok: role === "WORKER" && mode === MODE_LINES.worker, saw: `${name} is ${role}; ${mode}` };
    }),
  );
  if (seen.length === 0) return verdict(true, "config.yaml has one node only");
  return verdict(
    seen.every(({ ok }) => ok),
    seen.map(({ saw }) => saw).join("; "),
  );
}

async function judgeRayStatus(context: CheckContext): Promise<Verdict> {
  const status = await context.rayStatus();
  if (!status.ok) return fails(status.error);
  const active = activeNodes(status.value);
  const test = (await livingNode(context, TEST_WORKER_NAME)) === undefined ? 0 : 1;
  const wanted = context.settings.nodes.length;
  const besides = test === 1 ? ` besides ${TEST_WORKER_NAME}` : "";
  return verdict(
    active !== undefined && active - test === wanted,
    `ray status: ${active === undefined ? "unknown" : active - test} active nodes${besides}, expected ${wanted}`,
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
  const seen = nodes.map(({ name, nodeId, address }) => {
    const task = client.value.tasks.find((each) => each.nodeId === nodeId);
    const ok = task?.ok === true;
    return {
      ok,
      saw: ok ? `${name} ran one at ${task.ranAt ?? address}` : `${name}: ${task?.error ?? "none came back"}`,
    };
  });
  return verdict(
    seen.length === context.settings.nodes.length && seen.every(({ ok }) => ok),
    seen.map(({ saw }) => saw).join("; ") || "no node is ALIVE",
  );
}

async function judgeOneHead(context: CheckContext): Promise<Verdict> {
  const heads = await context.heads();
  const seen = heads.map(({ address, version }) => `${formatAddress(address)} (Ray ${version})`).join(", ");
  return verdict(heads.length === 1, `${heads.length} GCS answers: ${seen || "none"}`);
}

async function judgeFound(context: CheckContext): Promise<Verdict> {
  const head = expectedHead(context);
  const others = context.settings.nodes.filter(({ name }) => name !== head);
  const seen = await Promise.all(
    others.map(async ({ name }) => ({ name, decision: (await context.status(name))?.decision })),
  );
  return verdict(
    seen.every(({ decision }) => decision?.head),
    seen
      .map(({ name, decision }) =>
        decision?.head
          ? `${name}: ${decision.head} (rule ${decision.rule})`
          : `${name}: says nothing of a HEAD`,
      )
      .join("; ") || "one node only",
  );
}

export const CLUSTER_CHECKS: readonly Check[] = [
  { id: "cluster/head", section, title: "The first candidate (ray-cpu) started as HEAD", run: judgeHead },
  { id: "cluster/worker", section, title: "Every other node (ray-gpu) started as WORKER", run: judgeWorkers },
  { id: "cluster/found", section, title: "The WORKER says which HEAD it found", run: judgeFound },
  { id: "cluster/one-head", section, title: "Exactly one HEAD", run: judgeOneHead },
  { id: "cluster/ray-status", section, title: "ray status shows the main nodes (2)", run: judgeRayStatus },
  { id: "cluster/cpus", section, title: "CPU: 8.0 (ray-cpu: 4 + ray-gpu: 4)", run: judgeCpus },
  { id: "cluster/memory", section, title: "Memory: about 16 GiB", run: judgeMemory },
  { id: "cluster/tasks", section, title: "Every main node runs a task", run: judgeTasks },
];
