import type { RayGcs } from "../../common/probe-result.ts";
import type { NodeStatus } from "../../common/protocol/node-status.ts";
import type { Result } from "../../common/result.ts";
import type { ClusterView } from "../cluster/snapshot.ts";
import type { Settings } from "../config/settings.ts";
import type { RuntimeName } from "../drivers/driver.ts";
import type { ClientReport } from "./client-probe.ts";
import type { PairsReport } from "./pairs-probe.ts";

/**
 * How a check looks at a cluster; each runtime brings its own. Everything is asked at most once and remembered, so that all
 * checks of one run judge the same facts. The errors are sentences for the `saw` of a check.
 */
export interface CheckContext {
  readonly runtime: RuntimeName;
  readonly settings: Settings;
  readonly healthUrl: string;
  /** What the dashboard wants to see where RAY_AUTH_MODE=token. */
  readonly token?: string | null;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** The HEAD's dashboard, as a person at this machine opens it. */
  dashboardUrl(): Promise<Result<string, string>>;
  /** Every GCS of this cluster that answers. */
  heads(): Promise<readonly RayGcs[]>;
  /** What the HEAD's GCS lists. */
  cluster(): Promise<Result<ClusterView, string>>;
  /** The same, asked anew. */
  freshCluster(): Promise<Result<ClusterView, string>>;
  /** `ray status`, typed on the HEAD's node. */
  rayStatus(): Promise<Result<string, string>>;
  /** What a Ray Client program in the test client's place sees and does. */
  client(): Promise<Result<ClientReport, string>>;
  /** What each pair of nodes does together. */
  pairs(): Promise<Result<PairsReport, string>>;
  /** What a service wrote since it was started last, as text. */
  log(service: string): Promise<string>;
  /** What a node says of itself. */
  status(service: string): Promise<NodeStatus | undefined>;
  /** The environment of the Ray that runs in a node, read from the process itself. */
  environment(service: string): Promise<Result<Readonly<Record<string, string>>, string>>;
  /** What config.yaml wants the node to be told. */
  expectedEnvironment(service: string): Readonly<Record<string, string>>;
  /** How much memory and object store together a node is given: what config.yaml wants, as far as the machine has it. */
  expectedMemory(service: string): number;
  /** The folder that must hold `ray` and stand in PATH. */
  readonly binDir: string;
  /** Runs a command in a node, as `docker exec` does. */
  run(service: string, command: readonly string[]): Promise<Result<string, string>>;
}
