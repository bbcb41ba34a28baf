import type { Failure } from "../../common/failure.ts";
import type { Config } from "../config/config.ts";
import type { LocalFact } from "../config/local.ts";
import type { Deps } from "../deps.ts";
import type { Absence } from "../election/absence.ts";
import type { Outcome } from "../election/elect.ts";
import type { Heartbeat } from "../lease/heartbeat.ts";
import type { Lease } from "../lease/lease.ts";
import type { Step } from "../state.ts";
import type { StopRequest } from "../stop-request.ts";
import type { Fault } from "./verdict.ts";

/** What the node remembers from one run of Ray to the next. */
export interface Memory {
  lastRole: "head" | "worker" | null;
  /** The cluster that it worked in last. */
  clusterId: string | null;
  /** When its last run was listed as ALIVE, on the monotonic clock; null where it was not. */
  aliveAtMs: number | null;
  /** A stop was asked for, and something of Ray does not die. */
  rayLives: boolean;
  readonly absence: Absence;
}

export interface RunDeps extends Deps {
  readonly config: Config;
  readonly local: LocalFact;
  readonly stopRequest: StopRequest;
  readonly lease: Lease;
  readonly heartbeat: Heartbeat;
  readonly memory: Memory;
  readonly step: (step: Step) => void;
  /** Looks for the HEAD while this node's Ray still runs. */
  readonly elect: (stop: AbortSignal) => Promise<Outcome>;
}

/** How one run of Ray on this node ended. */
export type RunEnd =
  | { readonly kind: "stopped" }
  /** It never became ready. */
  | { readonly kind: "failed"; readonly failure: Failure }
  /** It was ready and could not go on. */
  | { readonly kind: "fault"; readonly fault: Fault }
  /** Its HEAD is out of reach, and this node's next role is known. */
  | { readonly kind: "moved"; readonly outcome: Outcome };

export const failed = (failure: Failure): RunEnd => ({ kind: "failed", failure });
export const faulted = (fault: Fault): RunEnd => ({ kind: "fault", fault });
