import type { NodeInfo } from "../../../common/gcs/client.ts";
import { newestNamed } from "../../cluster-view.ts";
import type { CheckContext } from "../context.ts";

/** A node as the GCS lists it, by name; undefined where it lists none that lives. */
export async function livingNode(context: CheckContext, name: string): Promise<NodeInfo | undefined> {
  const cluster = await context.cluster();
  const node = cluster.ok ? newestNamed(cluster.value.nodes, name) : undefined;
  return node?.alive ? node : undefined;
}

/** The main nodes that live, in the order of config.yaml. */
export async function livingMainNodes(context: CheckContext): Promise<NodeInfo[]> {
  const nodes = await Promise.all(context.settings.nodes.map(({ name }) => livingNode(context, name)));
  return nodes.filter((node) => node !== undefined);
}

/** The node that is to be the HEAD: the one named by nodes.head_address, else the first candidate among the services. */
export function expectedHead({ settings }: CheckContext): string {
  const named = settings.nodes.find(({ name }) => name === settings.headAddress?.host);
  const first = settings.candidates.find((each) => settings.nodes.some(({ name }) => name === each.name));
  return named?.name ?? first?.name ?? "ray-cpu";
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** The first line of a log that a pattern matches; undefined where none does. */
export async function logLine(
  context: CheckContext,
  service: string,
  pattern: RegExp,
): Promise<string | undefined> {
  const log = await context.log(service);
  return log
    .split("\n")
    .find((line) => pattern.test(line))
    ?.trim();
}

const GIB = 2 ** 30;
export const gib = (bytes: number): string => `${(bytes / GIB).toFixed(2)} GiB`;
