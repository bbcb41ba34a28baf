import type { ConfigFile } from "../schema.ts";
import { enabledServices, type Finding } from "./finding.ts";

/** The least that Ray takes: ray/_private/ray_constants.py OBJECT_STORE_MINIMUM_MEMORY_BYTES, 2.40 to 2.60. */
const LEAST_OBJECT_STORE = 75 * 2 ** 20;

const mib = (bytes: number): string =>
  bytes < 2 ** 20 ? `${bytes} bytes` : `${Math.round(bytes / 2 ** 20)}m`;

/** The object store is a part of a node's memory, and large enough for Ray to start. */
export const checkSizes = (config: ConfigFile): readonly Finding[] =>
  enabledServices(config).flatMap(({ path, service }): Finding[] => {
    const { memory, object_store_memory: store } = service;
    const problem = storeProblem(memory, store);
    if (problem === undefined) return [];
    return [
      {
        severity: "problem",
        path: [...path, store === undefined ? "memory" : "object_store_memory"],
        against: [[...path, "memory"]],
        problem,
        fix: "Give the node more memory, such as 8g, or leave object_store_memory out for 30 % of it.",
      },
    ];
  });

function storeProblem(memory: number, store: number | undefined): string | undefined {
  if (store === undefined)
    return memory * 0.3 < LEAST_OBJECT_STORE
      ? `expected at least ${mib(LEAST_OBJECT_STORE / 0.3)}, so that 30 % hold the object store, got ${mib(memory)}`
      : undefined;
  if (store < LEAST_OBJECT_STORE) return `expected at least ${mib(LEAST_OBJECT_STORE)}, got ${mib(store)}`;
  return store < memory
    ? undefined
    : `expected less than the node's memory ${mib(memory)}, got ${mib(store)}`;
}
