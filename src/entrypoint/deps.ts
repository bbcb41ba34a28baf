import type { Address } from "../common/address.ts";
import type { Clock } from "../common/deadline.ts";
import type { ProbeResult } from "../common/probe-result.ts";
import type { HealthClient } from "./lease/health-client.ts";
import type { Event } from "./output/event.ts";
import type { AliveNote } from "./output/notes.ts";
import type { Ray } from "./ray/ray.ts";
import type { ClusterState } from "./ray/store/state-folder.ts";

/** All effects of a node: what it learns from the world and does to it. real-deps.ts makes the real ones. */
export interface Deps {
  readonly clock: Clock;
  readonly health: HealthClient;
  /** Asks one address within `timeoutMs` whether a HEAD's GCS serves there; never rejects. */
  readonly probe: (address: Address, timeoutMs: number) => Promise<ProbeResult>;
  readonly ray: Ray;
  readonly state: ClusterState;
  /** The note that docker/health-check.sh reads. */
  readonly aliveNote: AliveNote;
  readonly log: (event: Event) => void;
}

/** What facts are collected with. */
export type Probes = Pick<Deps, "clock" | "probe"> & { readonly health: Pick<HealthClient, "look"> };
