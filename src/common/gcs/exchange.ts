import { connect, isIP, type Socket } from "node:net";
import type { Address } from "../address.ts";
import { lookup } from "../lookup.ts";
import { type TlsKeys, tlsOptions } from "./tls.ts";

/** How an exchange ended without being understood. */
export type Unheard =
  | { readonly kind: "timeout"; readonly phase: "connect" | "answer" }
  /** No connection was made; `code` is the operating system's. */
  | { readonly kind: "not-connected"; readonly code: string }
  /** `cause`: what broke the connection; undefined where the peer closed it. */
  | { readonly kind: "closed"; readonly cause: string | undefined };

interface Exchange<T> {
  readonly greeting: Buffer;
  readonly tls?: TlsKeys | undefined;
  readonly timeoutMs: number;
  /** Gets what comes back, until it returns something other than null. */
  readonly hear: (bytes: Buffer) => T | null;
}

/**
 * Sends `greeting` on a new connection and reads the answer. Never rejects, takes at most `timeoutMs`, leaves no
 * connection behind.
 */
export async function exchange<T>(
  address: Address,
  { greeting, tls, timeoutMs, hear }: Exchange<T>,
): Promise<{ readonly kind: "heard"; readonly answer: T } | Unheard> {
  const open = tls === undefined ? connectTo : await secureBy(tls);
  if (typeof open === "string") return { kind: "closed", cause: open };
  return new Promise((resolve) => {
    const socket = open(address);
    let phase: "connect" | "answer" = "connect";
    const end = (outcome: { kind: "heard"; answer: T } | Unheard): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => end({ kind: "timeout", phase }), timeoutMs);
    socket.on("error", ({ code = "unknown", message }: NodeJS.ErrnoException) =>
      end(phase === "connect" ? { kind: "not-connected", code } : { kind: "closed", cause: message }),
    );
    socket.on("close", () => end({ kind: "closed", cause: undefined }));
    socket.on("connect", () => {
      phase = "answer";
      socket.write(greeting);
    });
    socket.on("data", (bytes) => {
      const answer = hear(bytes);
      if (answer !== null) end({ kind: "heard", answer });
    });
  });
}

const connectTo = (address: Address): Socket => connect({ ...address, lookup });

/**
 * A function that opens TLS connections, or why these keys cannot be used. Only a node that uses TLS loads the
 * module.
 */
async function secureBy(keys: TlsKeys): Promise<((address: Address) => Socket) | string> {
  const { connect: connectSecurely, createSecureContext } = await import("node:tls");
  try {
    const secureContext = createSecureContext(tlsOptions(keys));
    return ({ host, port }) => {
      // SNI takes host names only, no addresses.
      const servername = isIP(host) ? "" : host;
      return connectSecurely({ host, port, lookup, servername, secureContext, ALPNProtocols: ["h2"] });
    };
  } catch (error) {
    return (error as Error).message;
  }
}
