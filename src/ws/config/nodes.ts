import type { NodeSettings } from "./types.ts";

/** What a node is where config.yaml does not say otherwise. */
interface NodeDefaults
  extends Pick<NodeSettings, "name" | "gpu" | "image" | "headPort" | "dashboardPort" | "clientPort"> {
  /** Its key below `services.ray`. */
  readonly key: string;
}

/**
 * The Ray nodes of a cluster, in their order: candidates, addresses and computed ports follow it. A node more in every
 * cluster is an entry more here.
 */
export const RAY_NODES = [
  {
    key: "cpu",
    name: "ray-cpu",
    gpu: false,
    image: "rayproject/ray:latest",
    headPort: 6379,
    dashboardPort: 8265,
    clientPort: 10001,
  },
  {
    key: "gpu",
    name: "ray-gpu",
    gpu: true,
    image: "rayproject/ray:latest-gpu",
    headPort: 6380,
    dashboardPort: 8266,
    clientPort: 10002,
  },
] as const satisfies readonly NodeDefaults[];

export type NodeKey = (typeof RAY_NODES)[number]["key"];

export const NODE_NAMES: readonly string[] = RAY_NODES.map(({ name }) => name);
