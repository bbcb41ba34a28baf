import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { type Address, formatAddress } from "../address.ts";
import { unreachable } from "../result.ts";
import type { SightingKind } from "../sighting.ts";
import { exchange } from "./exchange.ts";
import * as http2 from "./http2-frames.ts";
import type { TlsKeys } from "./tls.ts";

export interface ProbeOptions {
  readonly token: string | null;
  /** Given where this node's Ray speaks TLS. */
  readonly tls?: TlsKeys | undefined;
  /** For everything together: name lookup, connection and answers. */
  readonly timeoutMs: number;
}

/** Something other than a GCS that answers as expected: the client has to find out what. */
export type Glance = SightingKind | "unclear";

/** Far more than two short answers, and less than a peer may send to somebody who gives it no more room. */
const LONGEST_ANSWER = 16 * 1024;

const SERVICE = "/ray.rpc.NodeInfoGcsService";
/** Both replies have what is wanted of them as field 2 (proto/ray_gcs.proto). */
const WANTED_FIELD = 2;
const VERSION = { stream: 1, path: `${SERVICE}/CheckAlive` };
const CLUSTER_ID = { stream: 3, path: `${SERVICE}/GetClusterId` };
/**
 * The prefix of a message: whether it is compressed, and its length (the gRPC protocol over HTTP/2,
 * "Length-Prefixed-Message").
 */
const MESSAGE_HEAD_BYTES = 5;
const EMPTY_MESSAGE = Buffer.alloc(MESSAGE_HEAD_BYTES);
const NOT_COMPRESSED = 0;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * One short connection without node:http2 (http2-frames.ts says why): tells refused from silent, and knows a GCS by
 * its answers to both calls. `token` goes with them. Never rejects, takes at most `timeoutMs`, leaves no connection behind.
 */
export async function glance(address: Address, { token, tls, timeoutMs }: ProbeOptions): Promise<Glance> {
  const answers = new Answers();
  const greeting = callsTo(formatAddress(address), { token, scheme: tls === undefined ? "http" : "https" });
  const hear = (bytes: Buffer) => answers.hear(bytes);
  const outcome = await exchange(address, { greeting, tls, timeoutMs, hear });
  switch (outcome.kind) {
    case "heard":
      return outcome.answer;
    case "not-connected":
      return explainConnect(outcome.code);
    case "closed":
      return tls === undefined || outcome.cause === undefined
        ? "unclear"
        : { kind: "tls", problem: "failed", detail: outcome.cause };
    case "timeout":
      return outcome;
    default:
      return unreachable(outcome);
  }
}

function explainConnect(code: string): SightingKind {
  if (code === "ECONNREFUSED") return { kind: "refused" };
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return { kind: "unresolved", code };
  return code === "ETIMEDOUT" ? { kind: "timeout", phase: "connect" } : { kind: "unreachable", code };
}

function callsTo(authority: string, { token, scheme }: { token: string | null; scheme: string }): Buffer {
  const calls = [VERSION, CLUSTER_ID].map(({ stream, path }) =>
    http2.request(
      stream,
      [
        [":method", "POST"],
        [":scheme", scheme],
        [":path", path],
        [":authority", authority],
        ["content-type", "application/grpc"],
        ["te", "trailers"],
        ...(token === null ? [] : [["authorization", `Bearer ${token}`] as const]),
      ],
      EMPTY_MESSAGE,
    ),
  );
  return Buffer.concat([http2.GREETING, ...calls]);
}

/** What has come in on a connection so far. */
class Answers {
  #unread = NOTHING;
  #heard = 0;
  readonly #version = new Reply();
  readonly #clusterId = new Reply();

  /** Null as long as there may be more to come. */
  hear(bytes: Buffer): Glance | null {
    this.#heard += bytes.length;
    const read = http2.readFrames(Buffer.concat([this.#unread, bytes]));
    if (read === null || this.#heard > LONGEST_ANSWER) return "unclear";
    this.#unread = read.rest;
    for (const frame of read.frames) {
      if (http2.isBreak(frame) || http2.isPadded(frame)) return this.#seen() ?? "unclear";
      if (frame.stream === VERSION.stream) this.#version.take(frame);
      if (frame.stream === CLUSTER_ID.stream) this.#clusterId.take(frame);
    }
    return this.#seen();
  }

  #seen(): Glance | null {
    const [version, clusterId] = [this.#version.wanted(), this.#clusterId.wanted()];
    if (version === "nothing" || clusterId === "nothing") return "unclear";
    if (version === null || clusterId === null) return null;
    return { kind: "ray-gcs", version: version.toString("utf8"), clusterId: clusterId.toString("hex") };
  }
}

/** What has come in of one reply. */
class Reply {
  #message = NOTHING;
  #ended = false;

  take(frame: http2.Frame): void {
    if (frame.type === http2.DATA) this.#message = Buffer.concat([this.#message, frame.payload]);
    this.#ended ||= http2.endsStream(frame);
  }

  /** The wanted field; "nothing" where the reply does not hold it or cannot be read; null where more has to come. */
  wanted(): Buffer | "nothing" | null {
    const whole = messageIn(this.#message);
    if (whole === null) return this.#ended ? "nothing" : null;
    const field = fieldOf(whole);
    return field.length === 0 ? "nothing" : field;
  }
}

/** Empty where it cannot be read; null where it is not whole yet. */
function messageIn(bytes: Buffer): Buffer | null {
  if (bytes.length < MESSAGE_HEAD_BYTES) return null;
  if (bytes[0] !== NOT_COMPRESSED) return NOTHING;
  const end = MESSAGE_HEAD_BYTES + bytes.readUInt32BE(1);
  return bytes.length < end ? null : bytes.subarray(MESSAGE_HEAD_BYTES, end);
}

/** Empty where the message has no such field or is no protobuf. */
function fieldOf(message: Buffer): Buffer {
  const reader = new BinaryReader(message);
  try {
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === WANTED_FIELD && type === WireType.LengthDelimited) return Buffer.from(reader.bytes());
      reader.skip(type, field);
    }
    return NOTHING;
  } catch {
    return NOTHING;
  }
}
