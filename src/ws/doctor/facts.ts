import type { Problem } from "../../common/failure.ts";
import type { RayGcs } from "../../common/probe-result.ts";
import type { NodeStatus } from "../../common/protocol/node-status.ts";
import type { Result } from "../../common/result.ts";
import type { NodeInfo } from "../../gcs/client.ts";
import type { NoHead } from "../cluster/snapshot.ts";
import type { HostFacts } from "../compose/host-plan.ts";
import type { Route } from "../compose/read-host.ts";
import type { Settings } from "../config/settings.ts";
import type { Answer, Compose } from "../drivers/compose/engine.ts";
import type { AnyNetwork } from "../drivers/compose/neighbours.ts";
import type { RuntimeName, Service } from "../drivers/driver.ts";

/** What `ws doctor` saw of the machine and of the cluster; an error is what stood in the way of seeing it. */
export interface DoctorFacts {
  readonly settings: Settings;
  readonly machine: MachineFacts;
  /** Undefined where no engine answers. */
  readonly docker: DockerFacts | undefined;
  readonly cluster: ClusterFacts;
}

export interface MachineFacts {
  /** Version of the Node that runs `ws`. */
  readonly node: string;
  /** Version of the Python that the embedded runtime would use, if it can make virtual environments. */
  readonly python: Result<string, string>;
  readonly engine: Result<EngineFacts, string>;
  readonly compose: Result<Compose, string>;
  readonly host: Omit<HostFacts, "buildContext">;
  /** Every IPv4 address that is this machine's. */
  readonly addresses: readonly string[];
  /** Networks that this machine reaches without its default route, those of container engines left out. */
  readonly routes: readonly Route[];
  readonly sharedMemoryBytes: number;
  readonly disks: readonly { readonly folder: string; readonly freeBytes: number }[];
}

interface EngineFacts extends Answer {
  /** The host of the engine; undefined if containers run on this machine. */
  readonly elsewhere: string | undefined;
}

export interface DockerFacts {
  /** The engine's networks that are not ours, or why it cannot list them. */
  readonly networks: Result<readonly AnyNetwork[], string>;
  /** Ports that we publish and that something else listens on; empty while the cluster runs. */
  readonly ports: readonly Problem[];
  /** Images that config.yaml names and the engine does not have. */
  readonly missingImages: readonly string[];
  /** Whether the engine can give an NVIDIA GPU to a container. */
  readonly gpuToolkit: boolean;
}

/** The cluster of the runtime that is in use. */
export interface ClusterFacts {
  readonly runtime: RuntimeName;
  /** Its containers or processes, or why they cannot be listed. */
  readonly services: Result<readonly ServiceFacts[], string>;
  /** Every GCS of this cluster that answers, or why none does. */
  readonly heads: readonly RayGcs[];
  readonly noHead: NoHead | undefined;
  readonly nodes: readonly NodeInfo[];
  /** What each node told the health service of itself, also one that this ws did not start. */
  readonly reported: ReadonlyMap<string, NodeStatus>;
}

export interface ServiceFacts extends Pick<Service, "name" | "hostname" | "status" | "running"> {
  /** What it wrote in its present or last life. */
  readonly log: string;
  /** What a node says of itself. */
  readonly nodeStatus: NodeStatus | undefined;
}
