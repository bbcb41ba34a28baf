import { err, ok, type Result } from "../common/result.ts";
import { brokenOff, explainStatus, type GcsFailure, notRay } from "./failure.ts";
import { DATA, endsStream, type Frame, HEADERS } from "./frames.ts";
import { readHeaders } from "./headers.ts";

/** Larger than the node list of any cluster. */
const MAX_BYTES = 64 * 1024 * 1024;
/**
 * The prefix of a message: whether it is compressed, and its length (the gRPC protocol over HTTP/2,
 * "Length-Prefixed-Message").
 */
const PREFIX_BYTES = 5;

export function withPrefix(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

type Outcome = Result<Buffer, GcsFailure>;

/** The answer to one unary call, as its frames come in. Its headers are too short for more than one frame. */
export class Answer {
  readonly #body: Buffer[] = [];
  #bytes = 0;
  /** The trailers among them. */
  readonly #headers = new Map<string, string>();

  /** The message, or why there is none; undefined as long as there is more to come. */
  take(frame: Frame): Outcome | undefined {
    if (frame.type === DATA) this.#body.push(frame.payload);
    this.#bytes += frame.payload.length;
    if (Math.max(this.#bytes, this.#announced()) > MAX_BYTES) return notRay("an answer of more than 64 MiB");
    if (frame.type === HEADERS) for (const header of readHeaders(frame.payload)) this.#headers.set(...header);
    return endsStream(frame) ? this.#outcome() : undefined;
  }

  #announced(): number {
    const [first] = this.#body;
    return first !== undefined && first.length >= PREFIX_BYTES ? first.readUInt32BE(1) : 0;
  }

  #outcome(): Outcome {
    const header = (name: string) => this.#headers.get(name);
    const [status, type = "nothing"] = [header(":status"), header("content-type")];
    if (status !== "200" || !type.startsWith("application/grpc")) return notRay(`HTTP ${status}, ${type}`);
    const code = header("grpc-status");
    if (code === "0") return messageIn(Buffer.concat(this.#body));
    return code === undefined
      ? err(brokenOff("the answer ended without a status"))
      : explainStatus(Number(code), decoded(header("grpc-message") ?? ""));
  }
}

function messageIn(body: Buffer): Outcome {
  const isWhole = body.length >= PREFIX_BYTES && body.length === PREFIX_BYTES + body.readUInt32BE(1);
  return isWhole && body[0] === 0
    ? ok(body.subarray(PREFIX_BYTES))
    : notRay("its answer is not a gRPC message");
}

/** `grpc-message` is percent-encoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
