import type { WorkerSettings } from "../types.ts";
import type { Finding, Rule } from "./rule.ts";

/** The least that Ray takes: ray/_private/ray_constants.py OBJECT_STORE_MINIMUM_MEMORY_BYTES, 2.40 to 2.60. */
const MIN_OBJECT_STORE = 75 * 2 ** 20;

const mib = (bytes: number): string =>
  bytes < 2 ** 20 ? `${bytes} bytes` : `${Math.round(bytes / 2 ** 20)}m`;

/** The object store is a part of a node's memory, and large enough for Ray to start. */
export const checkSizes: Rule = ({ settings, isWritten }) =>
  settings.nodes.flatMap((node): Finding[] => {
    const [memory, store] = [`${node.keyPrefix}memory`, `${node.keyPrefix}object_store_memory`];
    const problem = isWritten(store) ? storeProblem(node) : shareProblem(node);
    if (problem === undefined) return [];
    return [
      {
        key: isWritten(store) ? store : memory,
        against: [memory],
        problem,
        fix: "Give the node more memory, such as 8g, or leave object_store_memory out for 30 % of it.",
      },
    ];
  });

function storeProblem({ memoryBytes, objectStoreBytes }: WorkerSettings): string | undefined {
  if (objectStoreBytes < MIN_OBJECT_STORE)
    return `expected at least ${mib(MIN_OBJECT_STORE)}, got ${mib(objectStoreBytes)}`;
  return objectStoreBytes < memoryBytes
    ? undefined
    : `expected less than the node's memory ${mib(memoryBytes)}, got ${mib(objectStoreBytes)}`;
}

const shareProblem = ({ memoryBytes, objectStoreBytes }: WorkerSettings): string | undefined =>
  objectStoreBytes >= MIN_OBJECT_STORE
    ? undefined
    : `expected at least ${mib(MIN_OBJECT_STORE / 0.3)}, so that 30 % hold the object store, got ${mib(memoryBytes)}`;
