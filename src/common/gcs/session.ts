import { type ClientHttp2Session, connect, type SecureClientSessionOptions } from "node:http2";
import type { createGrpcTransport } from "@connectrpc/connect-node";
import { lookup } from "../lookup.ts";
import { type TlsKeys, tlsOptions } from "./tls.ts";

type SessionManager = NonNullable<Parameters<typeof createGrpcTransport>[0]["sessionManager"]>;

/**
 * One HTTP/2 connection at a time, opened when it is needed. In place of the library's own manager, which for a moment
 * listens to no errors (connect-node 2.1): a server that breaks the protocol just then would end this process.
 */
export class Http2Session implements SessionManager {
  readonly authority: string;
  readonly #options: SecureClientSessionOptions;
  #session: ClientHttp2Session | null = null;

  /** `authority` is the server's origin, such as `http://ray-cpu:6379`; `tls` is wanted for https. */
  constructor(authority: string, tls: TlsKeys | undefined) {
    this.authority = authority;
    this.#options = { lookup, ...(tls && tlsOptions(tls)) };
  }

  request: SessionManager["request"] = async (method, path, headers, options) =>
    this.#open().request({ ...headers, ":method": method, ":path": path }, options);

  /** The connection of the last call; another one may lead to another server. */
  get connection(): object | null {
    return this.#session;
  }

  /** Nothing to be done: a call that gets no answer in time drops the connection. */
  notifyResponseByteRead(): void {}

  /** Ends the connection and every call on it, with `cause` where one is given; the next call opens a new one. */
  drop(cause?: Error): void {
    this.#session?.destroy(cause);
    this.#session = null;
  }

  #open(): ClientHttp2Session {
    const current = this.#session;
    if (current !== null && !current.closed && !current.destroyed) return current;
    const session = connect(this.authority, this.#options);
    // Each call on the connection fails with the same error, and says so.
    session.on("error", () => {});
    // The server's GOAWAY: the calls under way may finish, new ones go elsewhere.
    session.on("goaway", () => {
      if (this.#session === session) this.#session = null;
      session.close();
    });
    this.#session = session;
    return session;
  }
}
