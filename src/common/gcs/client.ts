import { type Address, formatAddress } from "../address.ts";
import type { Result } from "../result.ts";
import type { TlsKeys } from "./tls.ts";

/** A node as the GCS lists it. Ids are hex. */
export interface NodeInfo {
  readonly nodeId: string;
  readonly name: string;
  readonly hostname: string;
  readonly address: string;
  readonly port: number;
  readonly alive: boolean;
  readonly isHead: boolean;
  readonly resources: Readonly<Record<string, number>>;
  /** The agent's HTTP port; 0 where the GCS does not list it (Ray before 2.5x). */
  readonly agentPort: number;
  /** When it joined, by the HEAD's clock, in milliseconds since 1970. */
  readonly startedAtMs: number;
}

/** What tells a node from others, in every version of Ray. */
type NodeKey = Pick<NodeInfo, "nodeId" | "address" | "port">;

/** A key of the GCS's key-value store, in a namespace of its own. */
interface KvKey {
  readonly namespace: string;
  readonly key: string;
}

/** Why a call brought no answer. */
export type GcsFailure =
  | { readonly kind: "timeout" }
  | { readonly kind: "unauthorized"; readonly detail: string }
  /** A gRPC server that does not know Ray's services, or something that is no gRPC server. */
  | { readonly kind: "not-ray"; readonly detail: string }
  /** No connection, or it broke; `code` is the operating system's (ECONNREFUSED …) where there is one. */
  | { readonly kind: "unavailable"; readonly code: string; readonly detail: string };

type Answer<T> = Promise<Result<T, GcsFailure>>;

/** A warm channel to one GCS. No call throws; each opens the connection anew where it broke. */
export interface GcsClient {
  /** The Ray version, and for each of these nodes whether its raylet counts as living. */
  checkAlive(
    nodes: readonly NodeKey[],
    timeoutMs: number,
  ): Answer<{ readonly version: string; readonly alive: readonly boolean[] }>;
  /** The cluster id, hex. */
  clusterId(timeoutMs: number): Answer<string>;
  nodes(
    filter: { readonly name?: string; readonly aliveOnly?: boolean },
    timeoutMs: number,
  ): Answer<readonly NodeInfo[]>;
  /** The value of a key in the GCS's key-value store, as text; empty where there is none. */
  kvGet(key: KvKey, timeoutMs: number): Answer<string>;
  /** Writes a value there, over the one before. */
  kvPut(key: KvKey, value: string, timeoutMs: number): Answer<void>;
  close(): void;
}

export interface GcsOptions {
  /** Sent as `authorization: Bearer`, which a GCS with RAY_AUTH_MODE=token wants (Ray 2.52 and later). */
  readonly token: string | null;
  /** Given where this node's Ray speaks TLS. */
  readonly tls?: TlsKeys | undefined;
}

/** Opens a channel to the GCS at `address`; nothing is loaded or connected before the first call. */
export function openGcs(address: Address, options: GcsOptions): GcsClient {
  let opening: Promise<GcsClient> | undefined;
  // Loading HTTP/2 is slow, so only a call pays for it.
  const channel = (): Promise<GcsClient> => {
    opening ??= import("./channel.ts").then(({ openChannel }) =>
      openChannel(formatAddress(address), options),
    );
    return opening;
  };
  return {
    checkAlive: async (nodes, timeoutMs) => (await channel()).checkAlive(nodes, timeoutMs),
    clusterId: async (timeoutMs) => (await channel()).clusterId(timeoutMs),
    nodes: async (filter, timeoutMs) => (await channel()).nodes(filter, timeoutMs),
    kvGet: async (key, timeoutMs) => (await channel()).kvGet(key, timeoutMs),
    kvPut: async (key, value, timeoutMs) => (await channel()).kvPut(key, value, timeoutMs),
    close: () => void opening?.then((opened) => opened.close()),
  };
}
