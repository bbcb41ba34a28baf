import { MODE_LINES } from "../../common/protocol/specification.ts";
import type { NodeInfo } from "../../gcs/client.ts";
import { newestNamed } from "../cluster/snapshot.ts";
import { plannedHead, TEST_WORKER_NAME } from "../config/settings.ts";
import { given, type Verdict, verdict } from "./check.ts";
import { activeNodes, type CheckContext } from "./context.ts";

export const mainNames = ({ settings }: CheckContext): string[] => settings.nodes.map(({ name }) => name);

/** The main nodes and the test worker. */
export const allNames = (context: CheckContext): string[] => [...mainNames(context), TEST_WORKER_NAME];

/** The node that is to be the HEAD; the first one where config.yaml names another machine's. */
export const expectedHead = ({ settings }: CheckContext): string =>
  plannedHead(settings) ?? settings.nodes[0]?.name ?? "no node";

/** The main nodes that are to follow the HEAD. */
export const otherNames = (context: CheckContext): string[] =>
  mainNames(context).filter((name) => name !== expectedHead(context));

/** A node as the GCS lists it, by name; undefined where it lists none that lives. */
export async function livingNode(context: CheckContext, name: string): Promise<NodeInfo | undefined> {
  const cluster = await context.cluster();
  const node = cluster.ok ? newestNamed(cluster.value.nodes, name) : undefined;
  return node?.alive ? node : undefined;
}

/** The main nodes that live, in the order of config.yaml. */
export async function livingMainNodes(context: CheckContext): Promise<NodeInfo[]> {
  const nodes = await Promise.all(mainNames(context).map((name) => livingNode(context, name)));
  return nodes.filter((node) => node !== undefined);
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** How much of a resource these nodes have. */
export const total = (nodes: readonly NodeInfo[], resource: string): number =>
  sum(nodes.map(({ resources }) => resources[resource] ?? 0));

/** The CPUs that Ray counts for nodes: whole ones. */
export const wantedCpus = (nodes: readonly { readonly cpus: number }[]): number =>
  sum(nodes.map(({ cpus }) => Math.max(1, Math.floor(cpus))));

/** Whether `ray status` shows the main nodes and the test worker as active, or only the main ones. */
export const judgeActive = (context: CheckContext, withTest: boolean, orMore?: "or more"): Promise<Verdict> =>
  given(context.rayStatus(), (status) => {
    const active = activeNodes(status);
    const wanted = context.settings.nodes.length + (withTest ? 1 : 0);
    const expected = `${orMore ? "at least " : ""}${wanted}${withTest ? ` with ${TEST_WORKER_NAME}` : ""}`;
    return verdict(
      active === wanted || (orMore !== undefined && active !== undefined && active > wanted),
      `ray status: ${active ?? "unknown"} active nodes, expected ${expected}`,
    );
  });

const MODES: readonly string[] = Object.values(MODE_LINES);

/** Whether a node took this role last, as users of the specification grep for it (docs/specification.md). */
export async function judgeMode(
  context: CheckContext,
  service: string,
  mode: keyof typeof MODE_LINES,
): Promise<Verdict> {
  const last = (await context.lines(service)).findLast((line) => MODES.includes(line)) ?? 'no line "Mode:"';
  return verdict(last === MODE_LINES[mode], last);
}
