import type { Address } from "../../common/address.ts";
import type { Problem } from "../../common/failure.ts";
import type { Result } from "../../common/result.ts";
import type { CheckContext } from "../checks/context.ts";
import type { UpPlan } from "../cluster/up-plan.ts";
import type { NoHead } from "../cluster-view.ts";
import type { WsFailure } from "../failure.ts";
import type { Progress } from "../terminal/progress.ts";

export type RuntimeName = "docker" | "embedded";

/** What every long step gets: where to show its progress, when it has to stop. */
export interface Job {
  readonly progress: Progress;
  /** Aborted by the first Ctrl-C: stop here and clean up. */
  readonly signal: AbortSignal;
  /** Aborted by the second one: clean up without asking anybody. */
  readonly urgent: AbortSignal;
  /** Runs work that must not be left half done, such as undoing a start. */
  readonly cleaning?: (<T>(work: () => Promise<T>) => Promise<T>) | undefined;
  /** How long the nodes may take to become ALIVE. */
  readonly timeoutMs: number;
}

/** Undoes a start; a repeated Ctrl-C waits for it. */
export const cleaning = <T>(job: Pick<Job, "cleaning">, work: () => Promise<T>): Promise<T> =>
  job.cleaning === undefined ? work() : job.cleaning(work);

/** How `ws` runs the services of config.yaml: as containers, or as processes of this machine. */
export interface Runtime {
  readonly name: RuntimeName;
  /** Starts what does not run yet and waits until every node is ALIVE. On failure, what it started is gone again. */
  up(job: Job, options: UpOptions): Promise<Result<UpReport, WsFailure>>;
  /** What runs, as Ray's GCS sees it and as this machine sees it. */
  ps(signal: AbortSignal): Promise<Result<ClusterReport, WsFailure>>;
  /** Lines of the services' logs. Ends by itself unless it follows. */
  logs(request: LogRequest, signal: AbortSignal): Promise<Result<AsyncIterable<LogLine>, WsFailure>>;
  /** Stops everything and leaves nothing behind. */
  down(job: Job, options: DownOptions): Promise<Result<DownReport, WsFailure>>;
  /** Starts the test worker and the test client beside a cluster that is up. */
  startTest(job: Job, head: Address | undefined): Promise<Result<TestReport, WsFailure>>;
  /** Stops these two and leaves the cluster alone. */
  stopTest(job: Job): Promise<Result<DownReport, WsFailure>>;
  /** How the checks of `ws test` look at the cluster. */
  checkContext(head: Address | undefined, signal: AbortSignal): CheckContext;
}

export interface UpOptions {
  /** Build every image anew, not only the missing ones. Means nothing where there are no images. */
  readonly build: boolean;
  /** Called with the plan before anything is changed; an error ends the command. */
  readonly agree: (plan: UpPlan) => Promise<Result<void, WsFailure>>;
  /** Called before anything is started, after everything that is no longer wanted has been removed. */
  readonly begin: () => void;
}

interface DownOptions {
  readonly volumes: boolean;
  /** Also what was started from another folder's config.yaml under the same project.name. */
  readonly anyFolder: boolean;
}

export interface UpReport {
  /** Names of the services that this call started; none: everything ran already. */
  readonly started: readonly string[];
  readonly cluster: ClusterReport;
  /** Parts of config.yaml that this machine cannot provide in full. */
  readonly warnings: readonly Problem[];
}

export interface DownReport {
  /** Names of the services that were stopped. */
  readonly stopped: readonly string[];
  /** How many processes or containers had to be killed. */
  readonly killed: number;
}

export interface TestReport {
  readonly head: Address;
  readonly started: readonly string[];
}

export interface ClusterReport {
  readonly runtime: RuntimeName;
  /** The HEAD whose GCS answers; undefined: none does. */
  readonly head: HeadReport | undefined;
  /** Why there is none. */
  readonly noHead?: NoHead;
  /** In this order: health, nodes, test worker, test client, nodes that ws did not start. */
  readonly services: readonly ServiceReport[];
}

export interface HeadReport {
  readonly node: string;
  /** Of its GCS. */
  readonly address: Address;
  readonly version: string;
  readonly clusterId: string;
  readonly dashboardUrl: string;
  /** Of its Ray Client server: `ray://host:port`. */
  readonly clientUrl: string;
}

export interface ServiceReport {
  readonly name: string;
  readonly role: "health" | "head" | "worker" | "client" | "–";
  readonly address: string;
  /**
   * `ALIVE` and `DEAD` are the GCS's states; the others are ours. `missing`: ALIVE in the GCS, but its container or
   * process does not run.
   */
  readonly state: "ALIVE" | "DEAD" | "missing" | "up" | "starting" | "stopped";
  readonly cpus: number | undefined;
  /** Memory and object store together. */
  readonly memoryBytes: number | undefined;
  readonly version: string | undefined;
  readonly uptimeS: number | undefined;
  readonly pid: number | undefined;
  /** False if this `ws` did not start it. */
  readonly ours?: false;
  /** As the engine sees it; undefined where there is none. */
  readonly container?: { readonly name: string; readonly status: string };
}

export interface LogRequest {
  /** Empty: all of them. */
  readonly nodes: readonly string[];
  readonly follow: boolean;
  /** How many of the last lines of each to begin with; undefined: all. */
  readonly tail: number | undefined;
  /** Only lines written since then. */
  readonly since?: Date | undefined;
}

export interface LogLine {
  readonly node: string;
  /** When it was written, in RFC 3339, if known. */
  readonly time: string | undefined;
  readonly text: string;
}
