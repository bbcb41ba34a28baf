import { formatAddress } from "../../../common/address.ts";
import { gib } from "../../../common/output/units.ts";
import { TEST_WORKER_NAME } from "../../config/settings.ts";
import { allOf, check, eachOf, fails, given, verdict } from "../check.ts";
import {
  expectedHead,
  judgeActive,
  judgeMode,
  livingMainNodes,
  livingNode,
  mainNames,
  otherNames,
  sum,
  total,
  wantedCpus,
} from "../facts.ts";
import { taskOn } from "../probe.ts";

/** Ray keeps a little of what it is given for itself, so "about" is within 5 %. */
const TOLERANCE = 0.05;

export const CLUSTER_CHECKS = [
  check("cluster/head", "The first candidate (ray-cpu) started as HEAD", async (context) => {
    const wanted = expectedHead(context);
    const node = await livingNode(context, wanted);
    const { ok, saw: mode } = await judgeMode(context, wanted, "head");
    if (node === undefined) return fails(`no GCS lists ${wanted} as ALIVE; its log: ${mode}`);
    return verdict(ok && node.isHead, `${wanted} is ${node.isHead ? "HEAD" : "WORKER"}; ${mode}`);
  }),
  check("cluster/worker", "Every other node (ray-gpu) started as WORKER", (context) =>
    eachOf(otherNames(context), async (name) => {
      const node = await livingNode(context, name);
      const { ok, saw: mode } = await judgeMode(context, name, "worker");
      const role = node === undefined ? "not ALIVE" : node.isHead ? "HEAD" : "WORKER";
      return verdict(ok && role === "WORKER", `${role}; ${mode}`);
    }),
  ),
  check("cluster/found", "The WORKER says which HEAD it found", (context) =>
    eachOf(otherNames(context), async (name) => {
      const decision = (await context.status(name))?.decision;
      return decision?.head
        ? verdict(true, `${decision.head} (rule ${decision.rule})`)
        : fails("it reports no HEAD");
    }),
  ),
  check("cluster/one-head", "Exactly one HEAD", async (context) => {
    const heads = await context.heads();
    const seen = heads.map(({ address, version }) => `${formatAddress(address)} (Ray ${version})`).join(", ");
    return verdict(heads.length === 1, `${heads.length} GCS answers: ${seen || "none"}`);
  }),
  check("cluster/ray-status", "ray status shows the main nodes (2)", async (context) =>
    judgeActive(context, (await livingNode(context, TEST_WORKER_NAME)) !== undefined),
  ),
  check("cluster/cpus", "CPU: 8.0 (ray-cpu: 4 + ray-gpu: 4)", async (context) => {
    const nodes = await livingMainNodes(context);
    const wanted = wantedCpus(context.settings.nodes);
    const got = total(nodes, "CPU");
    const parts = nodes.map(({ name, resources }) => `${name}: ${resources.CPU ?? 0}`).join(" + ");
    return verdict(got === wanted, `${got.toFixed(1)} (${parts}), expected ${wanted.toFixed(1)}`);
  }),
  check("cluster/memory", "Memory: about 16 GiB", async (context) => {
    const nodes = await livingMainNodes(context);
    const wished = sum(context.settings.nodes.map(({ memoryBytes }) => memoryBytes));
    const wanted = sum(mainNames(context).map(context.memoryOf));
    const [memory, store] = [total(nodes, "memory"), total(nodes, "object_store_memory")];
    const near = Math.abs(memory + store - wanted) <= wanted * TOLERANCE;
    const cut =
      wanted === wished ? "" : `, all that this machine gives of the ${gib(wished, 2)} in config.yaml`;
    const saw = `${gib(memory, 2)} + ${gib(store, 2)} of object store, expected about ${gib(wanted, 2)}${cut}`;
    return verdict(near, saw);
  }),
  check("cluster/tasks", "Every main node runs a task", (context) =>
    given(context.probe(), async (tried) => {
      const nodes = await livingMainNodes(context);
      const tasks = nodes.map(({ name }) => {
        const task = taskOn(name, tried);
        return task?.ok
          ? verdict(true, `${name} ran one at ${task.saw}`)
          : fails(`${name}: ${task?.saw ?? "none came back"}`);
      });
      return nodes.length === context.settings.nodes.length
        ? allOf(tasks)
        : fails(`${nodes.length} nodes are ALIVE; ${allOf(tasks).saw}`);
    }),
  ),
  check("scenario/1", "Scenario 1: HEAD and WORKER find their roles", async (context) => {
    const head = expectedHead(context);
    const roles = eachOf(mainNames(context), (name) =>
      judgeMode(context, name, name === head ? "head" : "worker"),
    );
    return allOf([await roles, await judgeActive(context, false, "or more")]);
  }),
];
