import type { Address } from "../common/address.ts";
import { ok, type Result } from "../common/result.ts";
import { brokenOff, type GcsFailure, notRay } from "./failure.ts";
import { type GcsOptions, type Link, openLink } from "./link.ts";
import { Message, writeMessage } from "./message.ts";

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

const NODES = "/ray.rpc.NodeInfoGcsService";
const KV = "/ray.rpc.InternalKVGcsService";
const EMPTY = writeMessage({});

export type GcsClient = ReturnType<typeof openGcs>;

/**
 * A client of the GCS at `address`, over a connection that is kept; the first call opens it, and each opens it anew where it
 * broke. No call throws. The numbers of fields are those of proto/ray_gcs.proto.
 */
export function openGcs(address: Address, options: GcsOptions) {
  let opening: Opening | undefined;
  const connected = (): Opening => {
    opening ??= openLink(address, options, () => {
      opening = undefined;
    });
    return opening;
  };
  const ask = async <T>(
    path: string,
    message: Uint8Array,
    timeoutMs: number,
    read: (reply: Message) => T,
  ) => {
    const link = await connected();
    return link.ok ? readReply(await link.value.call(path, message, timeoutMs), read) : link;
  };
  return {
    /** The Ray version, and for each of these nodes whether its raylet counts as living. */
    checkAlive: askAlive(connected),
    /** The cluster id, hex. */
    clusterId: (timeoutMs: number) => ask(`${NODES}/GetClusterId`, EMPTY, timeoutMs, (reply) => reply.hex(2)),
    nodes: (
      { name, aliveOnly }: { readonly name?: string; readonly aliveOnly?: boolean },
      timeoutMs: number,
    ) =>
      ask(`${NODES}/GetAllNodeInfo`, EMPTY, timeoutMs, (reply): readonly NodeInfo[] =>
        reply
          .all(2)
          .map(toNode)
          .filter((node) => (name === undefined || node.name === name) && (!aliveOnly || node.alive)),
      ),
    /** The value of a key in the GCS's key-value store, as text; empty where there is none. */
    kvGet: ({ namespace, key }: KvKey, timeoutMs: number) => {
      const wanted = { 1: key, 2: namespace };
      return ask(`${KV}/InternalKVGet`, writeMessage(wanted), timeoutMs, (reply) => reply.text(2));
    },
    /** Writes a value there, over the one before. */
    kvPut: ({ namespace, key }: KvKey, value: string, timeoutMs: number) => {
      const pair = { 1: key, 2: value, 3: true, 4: namespace } as const;
      return ask(`${KV}/InternalKVPut`, writeMessage(pair), timeoutMs, () => {});
    },
    close: (): void => {
      void opening?.then((link) => link.ok && link.value.end(brokenOff("it was closed here")));
    },
  };
}

type Opening = ReturnType<typeof openLink>;

function readReply<T>(reply: Result<Buffer, GcsFailure>, read: (reply: Message) => T): Result<T, GcsFailure> {
  if (!reply.ok) return reply;
  try {
    return ok(read(new Message(reply.value)));
  } catch (error) {
    return notRay(`its answer cannot be read: ${(error as Error).message}`);
  }
}

/**
 * Ray 2.40 takes the raylets' addresses as text in the field in which Ray 2.49 and later take the ids of nodes
 * (CheckAliveRequest in gcs_service_pb2.py), and cannot parse the bytes of an id. That is remembered for the connection
 * alone: an address where an id belongs ends the GCS of a later Ray (NodeID::FromBinary).
 */
function askAlive(connected: () => Opening) {
  let wantsAddresses: Link | undefined;
  return async (nodes: readonly NodeKey[], timeoutMs: number) => {
    const link = await connected();
    if (!link.ok) return link;
    const ask = async (keys: readonly (string | Uint8Array)[]) => {
      const message = writeMessage({ 1: keys });
      return readReply(await link.value.call(`${NODES}/CheckAlive`, message, timeoutMs), (reply) => ({
        version: reply.text(2),
        alive: [...reply.bytes(3)].map(Boolean),
      }));
    };
    if (wantsAddresses !== link.value) {
      const answer = await ask(nodes.map(({ nodeId }) => Buffer.from(nodeId, "hex")));
      if (answer.ok || nodes.length === 0 || !couldNotParse(answer.error)) return answer;
      wantsAddresses = link.value;
    }
    return ask(nodes.map(({ address, port }) => `${address}:${port}`));
  };
}

/** INTERNAL: "Unable to parse request". */
const couldNotParse = (failure: GcsFailure): boolean =>
  failure.kind === "not-ray" && /status 13: .*parse/.test(failure.saw);

function toNode(bytes: Uint8Array): NodeInfo {
  const info = new Message(bytes);
  const resources = info.all(11).map((entry) => new Message(entry));
  return {
    nodeId: info.hex(1),
    name: info.text(12),
    hostname: info.text(8),
    address: info.text(2),
    port: info.number(5),
    alive: info.number(7) === ALIVE,
    isHead: info.number(25) === 1,
    resources: Object.fromEntries(resources.map((entry) => [entry.text(1), entry.number(2)])),
    agentPort: info.number(31),
    startedAtMs: info.number(23),
  };
}

/** Of GcsNodeInfo.GcsNodeState. */
const ALIVE = 0;
