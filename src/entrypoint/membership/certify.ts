import { isIP } from "node:net";
import type { Failure } from "../../common/failure.ts";
import type { Call } from "../../common/net/http.ts";
import { RayCertificate } from "../../common/protocol/join-protocol.ts";
import { attempt, err, ok, type Result } from "../../common/result.ts";
import { parse } from "../lease/health-client.ts";
import type { Membership } from "./membership.ts";

const TIMEOUT_MS = 5000;

/**
 * The membership with keys for Ray, where the cluster's Ray speaks TLS: with new ones where there are none, or they are half over, for
 * another address, or of another CA than `ca`, which signs now. `call`: with this member's credential. The private key is made here and
 * sent to nobody.
 */
export async function certify(
  membership: Membership,
  call: Call,
  ca = membership.rayKeys?.ca,
): Promise<Result<Membership, Failure>> {
  const { rayTls, rayKeys, address, services } = membership;
  const isCas = rayKeys?.ca === ca;
  if (!rayTls || (isCas && (await isCurrent(rayKeys?.cert ?? "", address, Date.now()))))
    return ok(membership);
  const { generateKeyPairSync } = await import("node:crypto");
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const answer = await call("POST", "/v1/ray-certificate", TIMEOUT_MS, { key: publicKey, address });
  if (!answer.ok) return err({ reason: "no-health-service", causes: [answer.error] });
  const { status, body } = answer.value;
  const signed = status === 200 ? parse(RayCertificate, body) : null;
  if (signed !== null) return ok({ ...membership, rayKeys: { ...signed, key: privateKey } });
  const cause = `asked for a certificate, it answered ${status} ${body.slice(0, 200).trim()}`;
  return err({ reason: "join-unclear", service: services[0] ?? "", cause });
}

/** Whether a certificate (PEM) is for this address, and not half over yet. */
export async function isCurrent(cert: string, address: string, nowMs: number): Promise<boolean> {
  const { X509Certificate } = await import("node:crypto");
  const own = attempt(() => new X509Certificate(cert));
  const host = isIP(address) ? own?.checkIP(address) : own?.checkHost(address);
  if (own === undefined || host === undefined) return false;
  return nowMs < (Date.parse(own.validFrom) + Date.parse(own.validTo)) / 2;
}
