import type { Address } from "../../common/address.ts";

/** A service that exists: a container in any state, or a process that runs. */
export interface Service {
  readonly name: string;
  /** What `log` and `status` know it by. */
  readonly ref: string;
  /** Another after each start. */
  readonly life: string;
  readonly hostname: string;
  readonly running: boolean;
  /** It runs, or will again by itself. */
  readonly active: boolean;
  /** The driver's own word: running, created, exited … */
  readonly status: string;
  readonly address: string;
  readonly startedAtMs: number;
  readonly pid: number;
  /** Where its GCS serves if it is the HEAD, as seen from here; undefined: that is not known, or it is no node. */
  readonly gcs: Address | undefined;
  readonly healthy: boolean;
  /** It ended, and nothing starts it again. */
  readonly ended: boolean;
  readonly exit: string;
  readonly restarts: number;
  /** The folder of another config.yaml from which it was started. */
  readonly elsewhere: string | undefined;
  /** Of compose.override.yaml alone: no service of ours. */
  readonly other?: boolean;
  readonly container?: { readonly name: string; readonly status: string };
}
