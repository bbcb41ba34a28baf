import type { Address } from "../../common/address.ts";

/**
 * What the user wants, whole and checked: config.yaml with every default filled in. Both runtimes read it.
 * Nothing here was looked up on the machine: `undefined` means that the runtime finds the value by itself.
 */
export interface Settings {
  /** Prefix of every container, network and label. */
  readonly projectName: string;
  readonly projectVersion: string | undefined;
  /** The Ray that the embedded runtime installs. Images bring their own. */
  readonly rayVersion: string;
  readonly hostHasGpu: boolean | undefined;
  /** The IPv4 address under which the test network reaches this machine. */
  readonly hostIpAddress: string | undefined;
  readonly subnet: string;
  readonly testSubnet: string;
  readonly health: HealthSettings;
  /** The services that are switched on, in the order of the table of nodes. */
  readonly nodes: readonly NodeSettings[];
  /** The head whitelist, in order, without the services that are switched off. */
  readonly candidates: readonly Candidate[];
  /** Set: every node joins this HEAD, and the node that it names is it. */
  readonly headAddress: Address | undefined;
  readonly discoveryTimeoutMs: number;
  readonly waitForHeadMs: number;
  readonly test: TestSettings;
}

/** Where a node lives in each runtime. */
export interface Placement {
  /** Its address in its Docker network. */
  readonly address: string;
  /** The same address with 127 in front (172.28.0.3 → 127.28.0.3), where the embedded runtime puts it. */
  readonly loopbackAddress: string;
}

interface HealthSettings extends Placement {
  readonly enabled: boolean;
  /** The port on the host, and on the loopback of the embedded runtime. */
  readonly port: number;
  /** A health service elsewhere; undefined: this cluster's own. */
  readonly externalUrl: string | undefined;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly retryIntervalMs: number;
}

export interface Candidate extends Address {
  readonly name: string;
}

/** Ports that peers dial and that have to be known in advance across NAT; undefined: the port plan chooses. */
export interface PeerPorts {
  readonly nodeManager: number | undefined;
  readonly objectManager: number | undefined;
  readonly workers: PortRange | undefined;
}

/** Both ends belong to it. */
export interface PortRange {
  readonly min: number;
  readonly max: number;
}

/** What the nodes of the main cluster and the test worker have in common. */
export interface WorkerSettings extends Placement {
  readonly name: string;
  /** What stands in front of the names of its keys in config.yaml: `services.ray.cpu.` */
  readonly keyPrefix: string;
  readonly cpus: number;
  /** The container's limit; `objectStoreBytes` is part of it. */
  readonly memoryBytes: number;
  readonly objectStoreBytes: number;
  readonly peerPorts: PeerPorts;
}

export interface NodeSettings extends WorkerSettings {
  /** Whether it gets the machine's GPUs, where there are some. */
  readonly gpu: boolean;
  readonly image: string;
  readonly headPort: number;
  readonly dashboardPort: number;
  readonly clientPort: number;
  /** What the node tells its peers: a name that each network resolves in its own way. */
  readonly nodeIpAddress: string;
}

/** The test worker and the test client in their own network. */
export interface TestSettings {
  /** The HEAD that the test worker is told: its HEAD_ADDRESS. */
  readonly target: Address;
  /** Where that HEAD serves Ray Client. */
  readonly targetClientPort: number;
  readonly worker: WorkerSettings;
  readonly client: Placement;
}

/** Names that docs/specification.md fixes: each is the hostname of its container. */
export const HEALTH_NAME = "health";
/** The port in its own network, whatever port it has on the host. */
export const HEALTH_PORT = 8080;
export const TEST_WORKER_NAME = "test-ray-worker";
export const TEST_CLIENT_NAME = "test-ray-client";
