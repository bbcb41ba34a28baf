import {
  type GcsNodeInfo,
  GcsNodeInfo_GcsNodeState,
  InternalKVGcsService,
  NodeInfoGcsService,
} from "../proto/ray_gcs_pb.ts";
import { ok, type Result } from "../result.ts";
import type { GcsClient, GcsFailure, GcsOptions, NodeInfo } from "./client.ts";
import { Connection } from "./connection.ts";

const { checkAlive, getClusterId, getAllNodeInfo } = NodeInfoGcsService.method;
const { internalKVGet, internalKVPut } = InternalKVGcsService.method;

/** A gRPC channel to `authority` (host:port). The caller loads this file late: it brings HTTP/2 with it. */
export function openChannel(authority: string, options: GcsOptions): GcsClient {
  const connection = new Connection(authority, options);
  return {
    checkAlive: askAlive(connection),
    clusterId: async (timeoutMs) =>
      mapped(await connection.call(getClusterId, {}, timeoutMs), ({ clusterId }) => toHex(clusterId)),
    nodes: async ({ name, aliveOnly }, timeoutMs) =>
      mapped(await connection.call(getAllNodeInfo, {}, timeoutMs), ({ nodeInfoList }) =>
        nodeInfoList
          .map(toNode)
          .filter((node) => (name === undefined || node.name === name) && (!aliveOnly || node.alive)),
      ),
    kvGet: async ({ namespace, key }, timeoutMs) => {
      const pair = { namespace: toBytes(namespace), key: toBytes(key) };
      const reply = await connection.call(internalKVGet, pair, timeoutMs);
      return mapped(reply, ({ value }) => Buffer.from(value).toString("utf8"));
    },
    kvPut: async ({ namespace, key }, value, timeoutMs) => {
      const pair = { namespace: toBytes(namespace), key: toBytes(key), value: toBytes(value) };
      return mapped(await connection.call(internalKVPut, { ...pair, overwrite: true }, timeoutMs), () => {});
    },
    close: () => connection.drop(),
  };
}

const mapped = <A, B>(result: Result<A, GcsFailure>, map: (value: A) => B): Result<B, GcsFailure> =>
  result.ok ? ok(map(result.value)) : result;

/**
 * Ray 2.40 takes the raylets' addresses as text in the field in which Ray 2.49 and later take the ids of nodes
 * (CheckAliveRequest in gcs_service_pb2.py), and cannot parse the bytes of an id. That is remembered for the connection
 * alone: an address where an id belongs ends the GCS of a later Ray (NodeID::FromBinary).
 */
function askAlive(connection: Connection): GcsClient["checkAlive"] {
  let wantsAddresses: object | null = null;
  const ask = async (nodeIds: Uint8Array<ArrayBuffer>[], timeoutMs: number) =>
    mapped(await connection.call(checkAlive, { nodeIds }, timeoutMs), ({ rayVersion, rayletAlive }) => ({
      version: rayVersion,
      alive: rayletAlive,
    }));
  return async (nodes, timeoutMs) => {
    if (wantsAddresses === null || wantsAddresses !== connection.current) {
      const ids = nodes.map(({ nodeId }) => fromHex(nodeId));
      const answer = await ask(ids, timeoutMs);
      if (answer.ok || nodes.length === 0 || !couldNotParse(answer.error)) return answer;
      wantsAddresses = connection.current;
    }
    return ask(
      nodes.map(({ address, port }) => toBytes(`${address}:${port}`)),
      timeoutMs,
    );
  };
}

/** INTERNAL: "Unable to parse request". */
const couldNotParse = (failure: GcsFailure): boolean =>
  failure.kind === "not-ray" && /^status 13: .*parse/.test(failure.detail);

const toBytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, "utf8"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const fromHex = (hex: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(hex, "hex"));

function toNode(info: GcsNodeInfo): NodeInfo {
  return {
    nodeId: toHex(info.nodeId),
    name: info.nodeName,
    hostname: info.nodeManagerHostname,
    address: info.nodeManagerAddress,
    port: info.nodeManagerPort,
    alive: info.state === GcsNodeInfo_GcsNodeState.ALIVE,
    isHead: info.isHeadNode,
    resources: info.resourcesTotal,
    agentPort: info.dashboardAgentListenPort,
    startedAtMs: Number(info.startTimeMs),
  };
}
