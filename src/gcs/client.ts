import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Address } from "../common/address.ts";
import { ok, type Result } from "../common/result.ts";
import { brokenOff, type GcsFailure, notRay } from "./answer.ts";
import { type GcsOptions, type Link, openLink } from "./link.ts";

export type NodeInfo = Readonly<ReturnType<typeof toNode>>;
/** What tells a node from others, in every version of Ray. */
type NodeKey = Pick<NodeInfo, "nodeId" | "address" | "port">;

type KvKey = { readonly namespace: string; readonly key: string };

const NODES = "/ray.rpc.NodeInfoGcsService";
const KV = "/ray.rpc.InternalKVGcsService";

/** Connections to a Ray 2.40, which knows raylets by their addresses. */
const BY_ADDRESS = new WeakSet<Link>();

export type GcsClient = ReturnType<typeof openGcs>;

/** A client of the GCS at `address`. Calls open its connection, also anew, and never throw. Fields: proto/ray_gcs.proto. */
export function openGcs(address: Address, options: GcsOptions) {
  let opening: Promise<Link> | undefined;
  const connected = (): Promise<Link> => {
    opening ??= openLink(address, options, () => {
      opening = undefined;
    });
    return opening;
  };
  const ask = async <T>(
    path: string,
    fields: Fields,
    timeoutMs: number,
    read: (reply: Message) => T,
    on = connected(),
  ): Promise<Result<T, GcsFailure>> => {
    const link = await on;
    const reply = await link.call(path, writeMessage(fields), timeoutMs);
    try {
      return reply.ok ? ok(read(messageIn(reply.value))) : reply;
    } catch (error) {
      return notRay(`its answer cannot be read: ${(error as Error).message}`);
    }
  };
  return {
    /** The Ray version, and for each of these nodes whether its raylet counts as living. */
    async checkAlive(nodes: readonly NodeKey[], timeoutMs: number) {
      const on = connected();
      const link = await on;
      const read = (reply: Message) => ({ version: reply.text(2), alive: [...reply.bytes(3)].map(Boolean) });
      const askBy = (keys: readonly (string | Uint8Array)[]) =>
        ask(`${NODES}/CheckAlive`, { 1: keys }, timeoutMs, read, on);
      // Its field has addresses where Ray 2.49 and later have ids (CheckAliveRequest in gcs_service_pb2.py), which it cannot parse.
      // That holds for the connection alone: a later Ray ends itself over an address (NodeID::FromBinary).
      if (!BY_ADDRESS.has(link)) {
        const answer = await askBy(nodes.map(({ nodeId }) => Buffer.from(nodeId, "hex")));
        const cannotParse =
          !answer.ok && answer.error.kind === "not-ray" && /status 13: .*parse/.test(answer.error.saw);
        if (nodes.length === 0 || !cannotParse) return answer;
        BY_ADDRESS.add(link);
      }
      return askBy(nodes.map(({ address, port }) => `${address}:${port}`));
    },
    /** The cluster id, hex. */
    clusterId: (timeoutMs: number) => ask(`${NODES}/GetClusterId`, {}, timeoutMs, (reply) => reply.hex(2)),
    /** All that it knows, dead ones too. */
    nodes: (timeoutMs: number) =>
      ask(`${NODES}/GetAllNodeInfo`, {}, timeoutMs, (reply): readonly NodeInfo[] => reply.all(2).map(toNode)),
    /** The text of a key in the GCS's key-value store; empty where there is none. */
    kvGet: ({ namespace, key }: KvKey, timeoutMs: number) =>
      ask(`${KV}/InternalKVGet`, { 1: key, 2: namespace }, timeoutMs, (reply) => reply.text(2)),
    kvPut: ({ namespace, key }: KvKey, value: string, timeoutMs: number) =>
      ask(`${KV}/InternalKVPut`, { 1: key, 2: value, 3: true, 4: namespace }, timeoutMs, () => {}),
    close: (): void => {
      void opening?.then((link) => link.end(brokenOff("it was closed here")));
    },
  };
}

function toNode(bytes: Uint8Array) {
  const info = messageIn(bytes);
  const resources = info.all(11).map((entry) => messageIn(entry));
  return {
    /** Hex. */
    nodeId: info.hex(1),
    name: info.text(12),
    hostname: info.text(8),
    address: info.text(2),
    port: info.number(5),
    alive: info.number(7) === 0,
    isHead: info.number(25) === 1,
    resources: Object.fromEntries(resources.map((entry) => [entry.text(1), entry.number(2)])),
    /** 0 where the GCS does not list it (Ray before 2.5x). */
    agentPort: info.number(31),
    /** When it joined, by the HEAD's clock. */
    startedAtMs: info.number(23),
    /** Where its Ray answers Prometheus. */
    metricsPort: info.number(9),
  };
}

/**
 * A protobuf message by the numbers of its fields; what it lacks is empty. Throws where `bytes` are none. What buf generates
 * would load in 15 ms, half of what `node -e 0` takes.
 */
function messageIn(bytes: Uint8Array) {
  const fields = new Map<number, (Uint8Array | number)[]>();
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    const value = READ[type]?.(reader) ?? reader.skip(type, field);
    const values = fields.get(field);
    if (values === undefined) fields.set(field, [value]);
    else values.push(value);
  }
  const all = (field: number) => (fields.get(field) ?? []).filter((value) => typeof value !== "number");
  const last = (field: number) => Buffer.from(all(field).at(-1) ?? []);
  return {
    all,
    bytes: last,
    hex: (field: number) => last(field).toString("hex"),
    text: (field: number) => last(field).toString("utf8"),
    number: (field: number) => Number(fields.get(field)?.at(-1) ?? 0),
  };
}

type Message = ReturnType<typeof messageIn>;

const READ: Partial<Record<WireType, (reader: BinaryReader) => Uint8Array | number>> = {
  [WireType.Varint]: (reader) => Number(reader.int64()),
  [WireType.Bit64]: (reader) => reader.double(),
  [WireType.LengthDelimited]: (reader) => reader.bytes(),
};

type Field = Uint8Array | string | true;
/** Bytes, texts, and switches that are on; a list is a repeated field. */
type Fields = Readonly<Record<number, Field | readonly Field[]>>;

function writeMessage(fields: Fields): Uint8Array {
  const writer = new BinaryWriter();
  for (const [field, values] of Object.entries(fields))
    for (const value of [values].flat())
      if (value === true) writer.tag(Number(field), WireType.Varint).bool(true);
      else writer.tag(Number(field), WireType.LengthDelimited).bytes(Buffer.from(value));
  return writer.finish();
}
