import type { ConfigRead, Inconsistency } from "./rule.ts";

/** The least that Ray takes: ray/_private/ray_constants.py OBJECT_STORE_MINIMUM_MEMORY_BYTES, 2.40 to 2.60. */
const MIN_OBJECT_STORE = 75 * 2 ** 20;

const mib = (bytes: number): string =>
  bytes < 2 ** 20 ? `${bytes} bytes` : `${Math.round(bytes / 2 ** 20)}m`;

/** The object store is a part of a node's memory, and large enough for Ray to start. */
export function* checkSizes({ settings, isWritten }: ConfigRead): Iterable<Inconsistency> {
  for (const { keyPrefix, memoryBytes, objectStoreBytes } of settings.nodes) {
    const [memory, store] = [`${keyPrefix}memory`, `${keyPrefix}object_store_memory`];
    const found = {
      against: [memory],
      fix: "Give the node more memory, such as 8g, or leave object_store_memory out for 30 % of it.",
    };
    if (objectStoreBytes >= memoryBytes)
      yield {
        ...found,
        key: store,
        problem: `expected less than the node's memory ${mib(memoryBytes)}, got ${mib(objectStoreBytes)}`,
      };
    else if (objectStoreBytes < MIN_OBJECT_STORE)
      yield isWritten(store)
        ? {
            ...found,
            key: store,
            problem: `expected at least ${mib(MIN_OBJECT_STORE)}, got ${mib(objectStoreBytes)}`,
          }
        : {
            ...found,
            key: memory,
            problem: `expected at least ${mib(MIN_OBJECT_STORE / 0.3)}, so that 30 % hold the object store, got ${mib(memoryBytes)}`,
          };
  }
}
