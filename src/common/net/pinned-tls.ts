import { createHash, X509Certificate } from "node:crypto";
import { Agent, request } from "node:https";
import { connect, type DetailedPeerCertificate } from "node:tls";
import { formatAddress, parseAddress } from "../address.ts";
import { lookup, rememberingLookup } from "../lookup.ts";
import { attempt, err, ok, type Result } from "../result.ts";
import { type Call, causeOf, send } from "./http.ts";

/** A health service that was found to be the cluster's. */
export interface Pinned {
  /** The CA's certificate (PEM). */
  readonly ca: string;
  /** This machine's end of the connection. */
  readonly localAddress: string;
}

/** `other-key`: something else answers there; nothing secret was sent. */
export type PinFault =
  | { readonly kind: "no-answer"; readonly cause: string }
  | { readonly kind: "other-key" };

/**
 * Takes the CA's certificate from a TLS handshake on which nothing is sent, and compares it with the token's pin (SHA-256 of its
 * DER, base64url). Never rejects.
 */
export function fetchCa(service: string, pin: string, timeoutMs: number): Promise<Result<Pinned, PinFault>> {
  const at = parseAddress(service);
  if (!at.ok) return Promise.resolve(err({ kind: "no-answer", cause: at.error }));
  return new Promise((resolve) => {
    // Only here: whom to trust is what this connection finds out.
    const socket = connect({ ...at.value, servername: nameOf(pin), lookup, rejectUnauthorized: false });
    const end = (result: Result<Pinned, PinFault>): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const noAnswer = (cause: string) => end(err({ kind: "no-answer", cause }));
    const timer = setTimeout(
      () => noAnswer(`no answer from ${formatAddress(at.value)} in ${timeoutMs} ms`),
      timeoutMs,
    );
    socket.on("error", (error) => noAnswer(`${formatAddress(at.value)}: ${causeOf(error)}`));
    socket.once("secureConnect", () => {
      const ca = findPinned(socket.getPeerCertificate(true), pin);
      if (ca === undefined) return end(err({ kind: "other-key" }));
      end(ok({ ca, localAddress: socket.localAddress ?? "" }));
    });
  });
}

/** Among a certificate and those that signed it. */
function findPinned(leaf: DetailedPeerCertificate, pin: string): string | undefined {
  let certificate: DetailedPeerCertificate | undefined = leaf;
  while (certificate?.raw !== undefined) {
    if (hash(certificate.raw) === pin) return new X509Certificate(certificate.raw).toString();
    const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    certificate = issuer === certificate ? undefined : issuer;
  }
  return undefined;
}

/** The pin of a CA's certificate (PEM). */
export const pinOf = (ca: string): string => hash(new X509Certificate(ca).raw);

const hash = (der: Buffer): string => createHash("sha256").update(der).digest("base64url");

/** How a client names the CA that it knows (SNI): a service may have another one since, and shows what that client can verify. */
export const caName = (ca: string): string => nameOf(pinOf(ca));

const nameOf = (pin: string): string => `${Buffer.from(pin, "base64url").toString("hex").slice(0, 32)}.ca`;

/** How health services whose certificate that CA signed are connected to: only they have one, so their names and addresses do not matter. */
export const pinnedAgent = (ca: string): Agent =>
  new Agent({ ca, servername: attempt(() => caName(ca)), checkServerIdentity: () => undefined });

/** Requests to health services whose certificate that CA signed; `token`: sent with each; `maxAnswer`: bytes (http.ts). */
export function secureCall(ca: string, token: string | null, maxAnswer?: number): (service: string) => Call {
  const agent = pinnedAgent(ca);
  const options = { agent, lookup: rememberingLookup() };
  return (service) => async (method, path, timeoutMs, body) => {
    const url = `https://${service}${path}`;
    // Others told us of it.
    if (!URL.canParse(url)) return err(`expected host:port, got "${service}"`);
    return send(new URL(url), { method, timeoutMs, token, request, options, maxAnswer }, body);
  };
}
