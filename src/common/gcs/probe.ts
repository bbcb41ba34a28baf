import { connect, type Socket } from "node:net";
import type { Address } from "../address.ts";
import { type Deadline, deadlineIn, monotonicMs } from "../deadline.ts";
import type { Sighting, SightingKind } from "../sighting.ts";
import { type GcsFailure, openGcs } from "./client.ts";

export interface ProbeOptions {
  readonly token: string | null;
  /** For the whole of it: name look-up, connection and answers. */
  readonly timeoutMs: number;
}

/** Asks whether a Ray HEAD serves at `address`. Never rejects, never takes longer, leaves no connection behind. */
export async function probeGcs(address: Address, options: ProbeOptions): Promise<Sighting> {
  const began = monotonicMs();
  const deadline = deadlineIn(options.timeoutMs);
  const connected = await connectTo(address, options.timeoutMs);
  if ("kind" in connected) return { address, ms: monotonicMs() - began, ...connected };
  const seen = await ask(address, connected.socket, options.token, deadline);
  connected.socket.destroy();
  return { address, ms: monotonicMs() - began, ...seen };
}

function connectTo(address: Address, timeoutMs: number): Promise<SightingKind | { socket: Socket }> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, autoSelectFamily: false });
    const end = (kind: SightingKind): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(kind);
    };
    const timer = setTimeout(() => end({ kind: "timeout", phase: "connect" }), timeoutMs);
    socket.once("error", (error: NodeJS.ErrnoException) => end(explainConnect(error.code ?? "unknown")));
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      socket.on("error", () => {});
      resolve({ socket });
    });
  });
}

function explainConnect(code: string): SightingKind {
  if (code === "ECONNREFUSED") return { kind: "refused" };
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return { kind: "unresolved", code };
  return code === "ETIMEDOUT" ? { kind: "timeout", phase: "connect" } : { kind: "unreachable", code };
}

async function ask(
  address: Address,
  socket: Socket,
  token: string | null,
  deadline: Deadline,
): Promise<SightingKind> {
  let first = Buffer.alloc(0);
  const listen = (chunk: Buffer): void => {
    if (first.length < LONGEST_GREETING) first = Buffer.concat([first, chunk.subarray(0, LONGEST_GREETING)]);
  };
  socket.on("data", listen);
  const client = openGcs(address, { token, socket });
  const timeoutMs = Math.max(1, deadline.remainingMs());
  try {
    const [alive, clusterId] = await Promise.all([
      client.checkAlive([], timeoutMs),
      client.clusterId(timeoutMs),
    ]);
    if (!alive.ok) return explainSilence(alive.error, first);
    if (!clusterId.ok) return explainSilence(clusterId.error, first);
    if (clusterId.value.length === 0 || alive.value.version === "")
      return { kind: "not-ray", saw: "a gRPC server that names no Ray cluster" };
    return { kind: "ray-gcs", version: alive.value.version, clusterId: clusterId.value };
  } finally {
    client.close();
  }
}

const LONGEST_GREETING = 256;

function explainSilence(failure: GcsFailure, first: Buffer): SightingKind {
  switch (failure.kind) {
    case "timeout":
      return first.length > 0 && !speaksHttp2(first)
        ? { kind: "not-ray", saw: nameProtocol(first) }
        : { kind: "timeout", phase: "answer" };
    case "unauthorized":
      return failure;
    case "not-ray":
      return {
        kind: "not-ray",
        saw: speaksHttp2(first)
          ? `a gRPC server, but not Ray's GCS (${failure.detail})`
          : nameProtocol(first),
      };
    default:
      return { kind: "not-ray", saw: first.length === 0 ? "it closed the connection" : nameProtocol(first) };
  }
}

/** An HTTP/2 server speaks first with a SETTINGS frame, type 4 on stream 0 (RFC 9113, 3.4). */
const speaksHttp2 = (bytes: Buffer): boolean =>
  bytes.length >= 9 && bytes[3] === 4 && bytes.readUInt32BE(5) === 0;

function nameProtocol(bytes: Buffer): string {
  const text = bytes.toString("latin1");
  if (bytes.length === 0) return "it closed the connection";
  if (text.startsWith("HTTP/1.")) return "it speaks HTTP/1";
  if (/^[-+][A-Z]/.test(text)) return "it speaks the Redis protocol";
  if (bytes[0] === 0x15 || bytes[0] === 0x16) return "it is a TLS server";
  return speaksHttp2(bytes) ? "it speaks HTTP/2, but broke the connection off" : "its answer is no HTTP/2";
}
