import type { Address } from "../../common/address.ts";
import type { Failure } from "../../common/failure.ts";
import type { Result } from "../../common/result.ts";
import type { GcsClient, NodeInfo } from "../../gcs/client.ts";
import type { Command, Plan } from "./command.ts";
import type { GuardProcess } from "./guard/guard-process.ts";
import type { RayNames } from "./session-processes.ts";
import type { Snapshot } from "./verdict.ts";

/** Ray on this machine: the seam between a node's life and what really happens. The simulation has its own. */
export interface Ray {
  /** Takes Ray's folder of sessions into use, so that no other node archives it. Returns at once; `prepare` waits. */
  readonly useFolder: () => void;
  /**
   * Makes room for a new Ray and looks whether it can start here and be reached. `reported` resolves when the health
   * service has heard of this node. Resolves with why Ray cannot start, or null.
   */
  readonly prepare: (plan: Plan, reported: Promise<void>) => Promise<Failure | null>;
  readonly start: (command: Command) => Promise<Result<StartedRay, Failure>>;
  /** Opens a channel to the GCS at `address`; nothing is connected before the first call. */
  readonly gcs: (address: Address) => GcsClient;
  /** If this process is killed, the guard outlives it. */
  readonly startGuard: () => GuardProcess;
}

/** One command and all that it starts: a session of its own. */
export interface RayProcess {
  /** The session that holds all of its processes. */
  readonly session: number;
  /** Resolves when the command itself has ended. */
  readonly exited: Promise<Exit>;
  /** What its processes say of its cluster so far; on a HEAD they name the GCS seconds before there is a raylet. */
  readonly names: () => RayNames;
  /** Returns a function that looks at the node's own raylet and agent; each call costs the same. */
  readonly inspector: (node: NodeInfo) => () => Promise<Pick<Snapshot, "agent" | "raylet">>;
  /** Asks the command to end, once. */
  readonly terminate: () => void;
  /** Kills whatever of the session still lives. Returns the number of processes, and whether all are gone. */
  readonly clear: (timeoutMs: number) => Promise<{ killed: number; clear: boolean }>;
}

/** With what its Ray says in its logs alone. */
export interface StartedRay extends RayProcess {
  /** What its GCS said of a store that it could not use; null where it said nothing. */
  readonly storeFault: () => string | null;
  /** Why its raylet ended, in its own words; null where it said nothing. */
  readonly rayletFault: () => string | null;
}

/** How a process ended: one of the two is set. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}
