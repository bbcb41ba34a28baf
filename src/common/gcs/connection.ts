import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { lookup } from "../lookup.ts";
import { err, ok, type Result } from "../result.ts";
import type { GcsFailure, GcsOptions } from "./client.ts";
import { tlsOptions } from "./tls.ts";

/** Larger than the node list of any cluster; longer answers are cut off here. */
const LONGEST_ANSWER = 64 * 1024 * 1024;
/**
 * The prefix of a message: whether it is compressed, and its length (the gRPC protocol over HTTP/2,
 * "Length-Prefixed-Message").
 */
const HEAD_BYTES = 5;
/** The operating system's error code for a peer that does not answer. */
const SILENCE = "ETIMEDOUT";

/** One HTTP/2 connection at a time to a gRPC server, opened when it is needed, for unary calls. No call rejects. */
export class Connection {
  readonly #origin: string;
  readonly #options: Parameters<typeof connect>[1];
  readonly #headers: Readonly<Record<string, string>>;
  #session: ClientHttp2Session | null = null;

  /** `authority` is the server's host:port. */
  constructor(authority: string, { token, tls }: GcsOptions) {
    this.#origin = `${tls === undefined ? "http" : "https"}://${authority}`;
    this.#options = { lookup, ...(tls && tlsOptions(tls)) };
    this.#headers = token === null ? {} : { authorization: `Bearer ${token}` };
  }

  /** The connection of the last call; another one may lead to another server. */
  get current(): object | null {
    return this.#session;
  }

  async call<I extends DescMessage, O extends DescMessage>(
    { name, parent, input, output }: DescMethodUnary<I, O>,
    message: MessageInitShape<I>,
    timeoutMs: number,
  ): Promise<Result<MessageShape<O>, GcsFailure>> {
    const bytes = toBinary(input, create(input, message));
    const answer = await this.#ask(`/${parent.typeName}/${name}`, bytes, timeoutMs);
    if (!answer.ok) return answer;
    try {
      return ok(fromBinary(output, answer.value));
    } catch (error) {
      return notRay(`its answer cannot be read: ${(error as Error).message}`);
    }
  }

  /** Ends the connection and every call on it, with `cause` where one is given; the next call opens a new one. */
  drop(cause?: Error): void {
    this.#session?.destroy(cause);
    this.#session = null;
  }

  async #ask(path: string, message: Uint8Array, timeoutMs: number): Promise<Result<Buffer, GcsFailure>> {
    const wholeMs = Math.max(1, Math.floor(timeoutMs));
    const answer = new Answer();
    // A silent peer may be gone without having closed the connection. The next call uses a new connection to find
    // out; other calls on this one would get no answer either.
    const silence = () => this.drop(Object.assign(new Error("no answer in time"), { code: SILENCE }));
    const timer = setTimeout(silence, wholeMs);
    try {
      const stream = this.#request(path, wholeMs);
      const over = new Promise<void>((resolve) => stream.on("close", resolve));
      stream.on("response", (headers) => answer.begin(headers));
      stream.on("trailers", (trailers) => answer.end(trailers));
      stream.on("data", (bytes: Buffer) => {
        if (!answer.take(bytes)) stream.close();
      });
      stream.on("error", (error) => answer.fail(error));
      stream.end(framed(message));
      await over;
      return answer.outcome();
    } catch (error) {
      return explain(error as Error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Throws when the TLS keys or the token cannot be used. */
  #request(path: string, timeoutMs: number): ClientHttp2Stream {
    return this.#open().request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      // A fraction of a millisecond is refused by Ray's gRPC.
      "grpc-timeout": `${timeoutMs}m`,
      ...this.#headers,
    });
  }

  #open(): ClientHttp2Session {
    const current = this.#session;
    if (current !== null && !current.closed && !current.destroyed) return current;
    const session = connect(this.#origin, this.#options);
    // Each call on the connection fails with the same error and reports it.
    session.on("error", () => {});
    // After the server's GOAWAY, running calls may finish; new ones use another connection.
    session.on("goaway", () => {
      if (this.#session === session) this.#session = null;
      session.close();
    });
    this.#session = session;
    return session;
  }
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const notRay = (detail: string) => err({ kind: "not-ray", detail } as const);
const unavailable = (code: string, detail: string) => err({ kind: "unavailable", code, detail } as const);

/** The answer to one call. */
class Answer {
  #headers: (IncomingHttpHeaders & IncomingHttpStatusHeader) | null = null;
  #trailers: IncomingHttpHeaders = {};
  #error: (NodeJS.ErrnoException & { cause?: unknown }) | null = null;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #tooLong = false;

  begin(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): void {
    this.#headers = headers;
  }

  end(trailers: IncomingHttpHeaders): void {
    this.#trailers = trailers;
  }

  fail(error: Error): void {
    this.#error = error;
  }

  /** False when the answer is too long, or announces that it will be. */
  take(bytes: Buffer): boolean {
    this.#chunks.push(bytes);
    this.#length += bytes.length;
    const [first] = this.#chunks;
    const announced = first !== undefined && first.length >= HEAD_BYTES ? first.readUInt32BE(1) : 0;
    this.#tooLong ||= Math.max(this.#length, announced) > LONGEST_ANSWER;
    return !this.#tooLong;
  }

  outcome(): Result<Buffer, GcsFailure> {
    if (this.#tooLong) return notRay("an answer of more than 64 MiB");
    if (this.#error !== null) return explain(this.#error);
    const headers = this.#headers;
    if (headers === null) return unavailable("", "the connection was closed");
    const { ":status": status, "content-type": type = "nothing" } = headers;
    if (status !== 200 || !type.startsWith("application/grpc")) return notRay(`HTTP ${status}, ${type}`);
    // A response that has only a status carries it in the headers.
    const { "grpc-status": code = headers["grpc-status"], "grpc-message": words = headers["grpc-message"] } =
      this.#trailers;
    if (code === undefined) return unavailable("", "the answer ended without a status");
    return code === "0" ? this.#message() : explainStatus(Number(code), decoded(String(words ?? "")));
  }

  #message(): Result<Buffer, GcsFailure> {
    const bytes = Buffer.concat(this.#chunks);
    const whole = bytes.length >= HEAD_BYTES && bytes.length === HEAD_BYTES + bytes.readUInt32BE(1);
    return whole && bytes[0] === 0
      ? ok(bytes.subarray(HEAD_BYTES))
      : notRay("its answer is not a gRPC message");
  }
}

/** The numbers of gRPC (statuscodes.md): cancelled, deadline exceeded, aborted, unavailable, unauthenticated. */
function explainStatus(code: number, detail: string): Result<never, GcsFailure> {
  switch (code) {
    case 4:
      return err({ kind: "timeout" });
    case 16:
      return err({ kind: "unauthorized", detail });
    // We never cancel a call, so the peer has closed the connection.
    case 1:
    case 10:
    case 14:
      return unavailable("", detail);
    default:
      return notRay(`status ${code}: ${detail}`);
  }
}

/** Why the call failed: the connection's error if that is what cancelled the stream. */
function explain(error: Error & { cause?: unknown }): Result<never, GcsFailure> {
  const { code = "", message } = (error.cause ?? error) as NodeJS.ErrnoException;
  return code === SILENCE ? err({ kind: "timeout" }) : unavailable(code, message);
}

/** `grpc-message` is percent-encoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
