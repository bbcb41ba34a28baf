import { headAddressWords, MODE_LINES } from "../../../common/protocol/specification.ts";
import type { NodeInfo } from "../../../gcs/client.ts";
import { newestNamed } from "../../cluster/snapshot.ts";
import { plannedHead, TEST_WORKER_NAME } from "../../config/settings.ts";
import { fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { activeNodes } from "../ray-status.ts";

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

/** The node that is to be the HEAD; the first one where config.yaml names another machine's. */
export const expectedHead = ({ settings }: CheckContext): string =>
  plannedHead(settings) ?? settings.nodes[0]?.name ?? "no node";

export const mainNames = ({ settings }: CheckContext): string[] => settings.nodes.map(({ name }) => name);

/** The main nodes that are to follow the HEAD. */
export const otherNames = (context: CheckContext): string[] =>
  mainNames(context).filter((name) => name !== expectedHead(context));

/** How many nodes `ray status` shows as active. */
export async function judgeActive(
  context: CheckContext,
  isRight: (active: number) => boolean,
  expected: string,
): Promise<Verdict> {
  const status = await context.rayStatus();
  if (!status.ok) return fails(status.error);
  const active = activeNodes(status.value);
  return verdict(
    active !== undefined && isRight(active),
    `ray status: ${active ?? "unknown"} active nodes, expected ${expected}`,
  );
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** What a service wrote since it was started last. Its last word counts: who changed its mind has said so more than once. */
export const logLines = async (context: CheckContext, service: string): Promise<string[]> =>
  (await context.log(service)).split("\n").map((line) => line.trimEnd());

const MODES: readonly string[] = Object.values(MODE_LINES);

/** The role that a node took last, as users of the specification grep for it (docs/specification.md). */
export const lastMode = async (context: CheckContext, service: string): Promise<string> =>
  (await logLines(context, service)).findLast((line) => MODES.includes(line)) ?? 'no line "Mode:"';

/** Whether the test worker says that it goes where its HEAD_ADDRESS points. */
export async function judgeHeadAddress(context: CheckContext): Promise<Verdict> {
  const words = (address = "") => headAddressWords("HEAD_ADDRESS", address);
  const wanted = words(context.expectedEnvironment(TEST_WORKER_NAME).HEAD_ADDRESS);
  const said = (await logLines(context, TEST_WORKER_NAME)).findLast((line) => line.includes(words()));
  if (said?.split(" ").includes(wanted)) return verdict(true, said);
  return fails(`${said ?? `${TEST_WORKER_NAME} has no line "${words()}"`}; expected ${wanted}`);
}

const GIB = 2 ** 30;
export const gib = (bytes: number): string => `${(bytes / GIB).toFixed(2)} GiB`;
