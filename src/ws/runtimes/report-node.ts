import type { NodeInfo } from "../../gcs/client.ts";
import { type ClusterView, newestNamed } from "../cluster-view.ts";
import type { ServiceReport } from "./runtime.ts";

type OfRay = Pick<ServiceReport, "role" | "state" | "cpus" | "memoryBytes" | "version">;

/** A node as the GCS and this machine see it: `running` says whether its container or process runs. Pure. */
export function asNode(name: string, running: boolean, view: ClusterView | undefined): OfRay {
  const node = view === undefined ? undefined : newestNamed(view.nodes, name);
  if (view === undefined || node === undefined) {
    const unknown = { role: "–", cpus: undefined, memoryBytes: undefined, version: undefined } as const;
    return { ...unknown, state: running ? "starting" : "stopped" };
  }
  // The GCS lists a node that was killed as ALIVE for about ten more seconds.
  const state = node.alive ? (running ? "ALIVE" : "missing") : running ? "DEAD" : "stopped";
  return { ...ofRay(node, view), state };
}

function ofRay({ isHead, resources }: NodeInfo, view: ClusterView): Omit<OfRay, "state"> {
  const { CPU, memory = 0, object_store_memory = 0 } = resources;
  return {
    role: isHead ? "head" : "worker",
    cpus: CPU,
    memoryBytes: memory + object_store_memory,
    version: view.head.version,
  };
}

/** The living nodes that are not in `known`: they joined by `docker run`, by hand, or from another machine. Pure. */
export function otherNodes(view: ClusterView | undefined, known: readonly string[]): ServiceReport[] {
  if (view === undefined) return [];
  return view.nodes
    .filter(({ alive, name }) => alive && !known.includes(name))
    .map((node) => ({
      name: node.name,
      address: node.address,
      ...ofRay(node, view),
      state: "ALIVE",
      uptimeS:
        node.startedAtMs > 0 ? Math.max(0, Math.round((Date.now() - node.startedAtMs) / 1000)) : undefined,
      pid: undefined,
      ours: false,
    }));
}
