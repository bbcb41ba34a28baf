import type { ProbeAnswer } from "../common/probe-result.ts";
import { attempt, err, ok, type Result } from "../common/result.ts";
import { DATA, endsStream, type Frame, HEADERS, readHeaders } from "./http2.ts";

/** Why a call brought no answer. */
export type GcsFailure =
  | Extract<ProbeAnswer, { kind: "timeout" | "unauthorized" | "not-ray" | "tls" }>
  /** No connection, or it broke before ("greeting") or after the server had said anything; `code`: ECONNREFUSED … */
  | {
      readonly kind: "unavailable";
      readonly phase: "connect" | "greeting" | "answer";
      readonly code: string;
      readonly detail: string;
    };

export type Outcome = Result<Buffer, GcsFailure>;

/** Of something that speaks gRPC, or at least HTTP/2. */
export const notRay = (detail: string) =>
  err({ kind: "not-ray", saw: `it answers gRPC, but not as Ray's GCS: ${detail}` } as const);

export const brokenOff = (detail: string) =>
  ({ kind: "unavailable", phase: "answer", code: "", detail }) as const;

/** What a server speaks that does not begin as HTTP/2 has to. */
export function nameBytes(bytes: Buffer): GcsFailure {
  // The record types alert and handshake, followed by the major version 3. A GCS with RAY_USE_TLS is one.
  if ((bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 3) return { kind: "tls", problem: "wanted" };
  const text = bytes.toString("latin1");
  if (text.startsWith("HTTP/1.") || /<html|<!doctype html/i.test(text))
    return { kind: "not-ray", saw: "it speaks HTTP/1" };
  const saw = /^[-+][A-Z]/.test(text) ? "it speaks the Redis protocol" : "its answer is no HTTP/2";
  return { kind: "not-ray", saw };
}

/** Larger than the node list of any cluster. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Before a message: whether it is compressed, and its length. */
const PREFIX_BYTES = 5;

/** A message as the body of a request. */
export function withPrefix(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** The answer to one unary call, as its frames come in. Its headers are too short for more than one frame. */
export class Answer {
  readonly #body: Buffer[] = [];
  #bytes = 0;
  /** And trailers. */
  readonly #headers = new Map<string, string>();

  /** The message, or why there is none; undefined as long as there is more to come. */
  take(frame: Frame): Outcome | undefined {
    if (frame.type === HEADERS) readHeaders(frame.payload, this.#headers);
    if (frame.type === DATA) this.#body.push(frame.payload);
    this.#bytes += frame.payload.length;
    const [first] = this.#body;
    const announced = first !== undefined && first.length >= PREFIX_BYTES ? first.readUInt32BE(1) : 0;
    if (Math.max(this.#bytes, announced) > MAX_BYTES) return notRay("an answer of more than 64 MiB");
    return endsStream(frame) ? this.#outcome() : undefined;
  }

  #outcome(): Outcome {
    const header = (name: string) => this.#headers.get(name);
    const [status, type = "nothing", code] = [":status", "content-type", "grpc-status"].map(header);
    if (status !== "200" || !type.startsWith("application/grpc")) return notRay(`HTTP ${status}, ${type}`);
    if (code === undefined) return err(brokenOff("the answer ended without a status"));
    const detail = header("grpc-message") ?? "";
    // It is percent-encoded.
    if (code !== "0") return explainStatus(Number(code), attempt(() => decodeURIComponent(detail)) ?? detail);
    const body = Buffer.concat(this.#body);
    const isWhole = body.length >= PREFIX_BYTES && body.length === PREFIX_BYTES + body.readUInt32BE(1);
    return isWhole && body[0] === 0
      ? ok(body.subarray(PREFIX_BYTES))
      : notRay("its answer is not a gRPC message");
  }
}

/** The numbers of gRPC (statuscodes.md): cancelled, deadline exceeded, aborted, unavailable, unauthenticated. */
function explainStatus(code: number, detail: string): Outcome {
  if (code === 4) return err({ kind: "timeout", phase: "answer" });
  if (code === 16) return err({ kind: "unauthorized", detail });
  // We never cancel a call, so the peer has closed the connection.
  return [1, 10, 14].includes(code) ? err(brokenOff(detail)) : notRay(`status ${code}: ${detail}`);
}
