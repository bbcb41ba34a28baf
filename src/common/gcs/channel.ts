import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  type GcsNodeInfo,
  GcsNodeInfo_GcsNodeState,
  InternalKVGcsService,
  NodeInfoGcsService,
} from "../proto/ray_gcs_pb.ts";
import type { Channel, GcsFailure, GcsOptions, NodeInfo } from "./client.ts";
import { Http2Session } from "./session.ts";

/** More than the nodes of the largest cluster; an endless answer is cut off here. */
const LONGEST_ANSWER = 64 * 1024 * 1024;

/** A gRPC channel to `authority` (host:port). The caller loads this file late: it brings gRPC and HTTP/2 with it. */
export function openChannel(
  authority: string,
  options: GcsOptions,
): { channel: Channel; explain: (error: unknown) => GcsFailure } {
  const baseUrl = `${options.tls === undefined ? "http" : "https"}://${authority}`;
  const session = new Http2Session(baseUrl, options.tls);
  const transport = createGrpcTransport({
    baseUrl,
    sessionManager: session,
    acceptCompression: [],
    readMaxBytes: LONGEST_ANSWER,
    interceptors: options.token === null ? [] : [bearer(options.token)],
  });
  const client = createClient(NodeInfoGcsService, transport);
  const kv = createClient(InternalKVGcsService, transport);
  const channel: Channel = {
    checkAlive: askAlive(session, async (nodeIds, timeoutMs) => {
      const reply = await client.checkAlive({ nodeIds }, { timeoutMs });
      return { version: reply.rayVersion, alive: reply.rayletAlive };
    }),
    clusterId: async (timeoutMs) => toHex((await client.getClusterId({}, { timeoutMs })).clusterId),
    nodes: async ({ name, aliveOnly }, timeoutMs) => {
      const reply = await client.getAllNodeInfo({}, { timeoutMs });
      const all = reply.nodeInfoList.map(toNode);
      return all.filter((node) => (name === undefined || node.name === name) && (!aliveOnly || node.alive));
    },
    kvGet: async ({ namespace, key }, timeoutMs) => {
      const reply = await kv.internalKVGet(
        { namespace: toBytes(namespace), key: toBytes(key) },
        { timeoutMs },
      );
      return Buffer.from(reply.value).toString("utf8");
    },
    kvPut: async ({ namespace, key }, value, timeoutMs) => {
      const pair = { namespace: toBytes(namespace), key: toBytes(key), value: toBytes(value) };
      await kv.internalKVPut({ ...pair, overwrite: true }, { timeoutMs });
    },
    close: () => session.drop(),
  };
  return {
    channel,
    explain: (error) => {
      const failure = explain(error);
      // A peer that fell silent may be gone without a word; the next call then finds out on a new connection.
      if (failure.kind === "timeout") session.drop(silence());
      return failure;
    },
  };
}

/**
 * Ray 2.40 takes the raylets' addresses as text in the field in which Ray 2.49 and later take the ids of nodes
 * (CheckAliveRequest in gcs_service_pb2.py), and cannot parse the bytes of an id. That is remembered for the connection
 * alone: an address where an id belongs ends the GCS of a later Ray (NodeID::FromBinary).
 */
function askAlive(
  session: Http2Session,
  ask: (nodeIds: Uint8Array<ArrayBuffer>[], timeoutMs: number) => ReturnType<Channel["checkAlive"]>,
): Channel["checkAlive"] {
  let wantsAddresses: object | null = null;
  return async (nodes, timeoutMs) => {
    if (wantsAddresses === null || wantsAddresses !== session.connection) {
      try {
        return await ask(
          nodes.map(({ nodeId }) => fromHex(nodeId)),
          timeoutMs,
        );
      } catch (error) {
        if (nodes.length === 0 || !couldNotParse(error)) throw error;
        wantsAddresses = session.connection;
      }
    }
    return ask(
      nodes.map(({ address, port }) => new Uint8Array(Buffer.from(`${address}:${port}`))),
      timeoutMs,
    );
  };
}

const couldNotParse = (error: unknown): boolean => {
  const { code, rawMessage } = ConnectError.from(error);
  return code === Code.Internal && rawMessage.includes("parse");
};

const bearer =
  (token: string): Interceptor =>
  (next) =>
  (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };

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

/** The operating system's own word for a peer that gave no answer. */
const SILENCE = "ETIMEDOUT";

/** What the other calls on a connection fail with that one call found silent: as silent as that one. */
const silence = (): Error => Object.assign(new Error("the peer gave no answer in time"), { code: SILENCE });

function explain(error: unknown): GcsFailure {
  const failure = ConnectError.from(error);
  const detail = failure.rawMessage;
  switch (failure.code) {
    case Code.DeadlineExceeded:
      return { kind: "timeout" };
    case Code.Unauthenticated:
      return { kind: "unauthorized", detail };
    // No call of ours is ever cancelled: this is a peer that closed the connection under it.
    case Code.Canceled:
    case Code.Unavailable:
    case Code.Aborted: {
      const code = (failure.cause as NodeJS.ErrnoException | undefined)?.code ?? "";
      return code === SILENCE ? { kind: "timeout" } : { kind: "unavailable", code, detail };
    }
    default:
      return brokeHttp2(failure.cause)
        ? { kind: "unavailable", code: failure.cause.code, detail }
        : { kind: "not-ray", detail };
  }
}

/** The peer broke HTTP/2 itself, so that it cannot be a gRPC server (nodejs.org/api/errors, ERR_HTTP2_*). */
function brokeHttp2(cause: unknown): cause is NodeJS.ErrnoException & { code: string } {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  return typeof code === "string" && code.startsWith("ERR_HTTP2_");
}
