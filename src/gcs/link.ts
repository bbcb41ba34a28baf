import { connect, Socket } from "node:net";
import { type Address, formatAddress } from "../common/address.ts";
import { lookup } from "../common/lookup.ts";
import { err } from "../common/result.ts";
import { Answer, brokenOff, type GcsFailure, nameBytes, type Outcome, withPrefix } from "./answer.ts";
import * as http2 from "./http2.ts";
import { type TlsKeys, tlsOptions } from "./tls.ts";

export interface GcsOptions {
  /** Sent as `authorization: Bearer`, which a GCS with RAY_AUTH_MODE=token wants (Ray 2.52 and later). */
  readonly token: string | null;
  /** Given where this node's Ray speaks TLS. */
  readonly tls?: TlsKeys | undefined;
}

/** Begins a connection. `onLeave` is called once, when it takes no more calls. */
export async function openLink(address: Address, options: GcsOptions, onLeave: () => void): Promise<Link> {
  const to = { ...address, lookup };
  const linkOf = (socket: Socket): Link => new Link(socket, formatAddress(address), options, onLeave);
  if (options.tls === undefined) return linkOf(connect(to));
  const tls = await import("node:tls");
  try {
    return linkOf(tls.connect({ ...to, ...tlsOptions(options.tls, address.host) }));
  } catch (error) {
    // These keys cannot be used.
    const link = linkOf(new Socket());
    link.end({ kind: "tls", problem: "failed", detail: (error as Error).message });
    return link;
  }
}

/** One HTTP/2 connection to a gRPC server, for unary calls until it breaks or is ended. No call rejects. */
export class Link {
  readonly #socket: Socket;
  /** Of every call, encoded. */
  readonly #headers: Buffer;
  readonly #speaksTls: boolean;
  readonly #onLeave: () => void;
  readonly #calls = new Map<number, { readonly answer: Answer; readonly end: (outcome: Outcome) => void }>();
  #nextStream = 1;
  #unread: Buffer = Buffer.alloc(0);
  /** "greeting": it is made, and the peer has said nothing yet. */
  #phase: "connect" | "greeting" | "answer" = "connect";
  /** It takes no new calls. */
  #leaving = false;
  #over: GcsFailure | undefined;

  constructor(socket: Socket, authority: string, { token, tls }: GcsOptions, onLeave: () => void) {
    this.#onLeave = onLeave;
    this.#socket = socket;
    this.#speaksTls = tls !== undefined;
    this.#headers = http2.writeHeaders({
      ":method": "POST",
      ":scheme": this.#speaksTls ? "https" : "http",
      ":authority": authority,
      "content-type": "application/grpc",
      te: "trailers",
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    });
    socket.on("connect", () => {
      this.#phase = "greeting";
    });
    socket.on("error", (error) => this.end(this.#explain(error)));
    socket.on("close", () => this.end(this.#explain()));
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.setNoDelay(true).write(http2.GREETING);
  }

  call(path: string, message: Uint8Array, timeoutMs: number): Promise<Outcome> {
    // A fraction of a millisecond is refused by Ray's gRPC.
    const wholeMs = Math.max(1, Math.floor(timeoutMs));
    if (this.#over !== undefined) return Promise.resolve(err(this.#over));
    return new Promise((resolve) => {
      const stream = this.#nextStream;
      this.#nextStream += 2;
      // A silent peer may be gone without having closed the connection; the next call finds out over a new one.
      const timer = setTimeout(() => {
        this.end({ kind: "timeout", phase: this.#phase === "connect" ? "connect" : "answer" });
      }, wholeMs);
      const end = (outcome: Outcome) => {
        clearTimeout(timer);
        this.#calls.delete(stream);
        resolve(outcome);
        if (this.#leaving && this.#calls.size === 0) this.#socket.destroy();
      };
      this.#calls.set(stream, { answer: new Answer(), end });
      const headers = Buffer.concat([
        http2.writeHeaders({ ":path": path }),
        this.#headers,
        http2.writeHeaders({ "grpc-timeout": `${wholeMs}m` }),
      ]);
      this.#socket.write(http2.request(stream, headers, withPrefix(message)));
    });
  }

  /** Every call on it ends with `why`. */
  end(why: GcsFailure): void {
    this.#over ??= why;
    this.#leave();
    this.#socket.destroy();
    for (const { end } of this.#calls.values()) end(err(this.#over));
  }

  #read(bytes: Buffer): void {
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    const read = http2.readFrames(this.#unread);
    const [first] = read?.frames ?? [];
    const isOdd = first !== undefined && this.#phase === "greeting" && !http2.isGreeting(first);
    if (read === undefined || isOdd) this.end(this.#explain(new Error("what it sends is no HTTP/2")));
    else {
      if (first !== undefined) this.#phase = "answer";
      this.#unread = read.rest;
      for (const frame of read.frames) this.#take(frame);
    }
  }

  #take(frame: http2.Frame): void {
    const reply = http2.replyTo(frame);
    if (reply !== undefined) this.#socket.write(reply);
    if (frame.type === http2.GOAWAY) this.#leave();
    const call = this.#calls.get(frame.stream);
    const outcome =
      frame.type === http2.RST_STREAM ? err(brokenOff("it broke the call off")) : call?.answer.take(frame);
    if (outcome !== undefined) call?.end(outcome);
  }

  #leave(): void {
    if (!this.#leaving) this.#onLeave();
    this.#leaving = true;
  }

  /** Why the connection broke, without an `error` where the peer closed it. */
  #explain(error?: NodeJS.ErrnoException): GcsFailure {
    const { code = "", message = "the connection was closed" } = error ?? {};
    if (this.#phase === "greeting" && this.#unread.length > 0) return nameBytes(this.#unread);
    if (this.#phase !== "greeting" || !this.#speaksTls)
      return { kind: "unavailable", phase: this.#phase, code, detail: message };
    // In TLS 1.3 a server that rejects our certificate says so only after the handshake, if at all.
    const notTrusted =
      "it closes the connection, as a server does that does not trust this node's certificate";
    return { kind: "tls", problem: "failed", detail: error?.message ?? notTrusted };
  }
}
