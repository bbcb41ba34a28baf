import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { isIPv4 } from "node:net";
import * as x509 from "@peculiar/x509";

/** What a CA is: PEM each. */
export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
const YEARS = 20;
/** A member asks for another one at half of it. */
const MEMBER_YEARS = 10;

/** The clocks of two machines may differ: a certificate is valid a day before it is made. */
const validity = (nowMs: number, years = YEARS) => ({
  notBefore: new Date(nowMs - DAY_MS),
  notAfter: new Date(nowMs + years * 365 * DAY_MS),
});

const newKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);

const pemOf = async (key: webcrypto.CryptoKey): Promise<string> =>
  x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");

/** A CA of that name. `nowMs`: milliseconds since 1970. */
export async function makeAuthority(name: string, nowMs: number): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [`ray-entrypoint ${name}`] }],
    ...{ keys, signingAlgorithm: ALGORITHM, ...validity(nowMs) },
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  return { certificate: certificate.toString("pem"), key: await pemOf(keys.privateKey) };
}

/** The CA that signs for the Ray of that cluster's members. */
export const makeRayAuthority = (cluster: string, nowMs: number) => makeAuthority(`${cluster} ray`, nowMs);

/** A certificate with its key: PEM each. */
export interface Keys {
  readonly cert: string;
  readonly key: string;
}

/** A health service's certificate, which that CA signed, with the CA's own behind it: strangers compare that one with their pin. */
export async function makeServerKeys(authority: Authority, host: string, nowMs: number): Promise<Keys> {
  const { publicKey, privateKey } = await newKeys();
  const made = await sign(authority, publicKey, [host], [SERVER], validity(nowMs));
  return { cert: `${made}\n${authority.certificate}`, key: await pemOf(privateKey) };
}

/**
 * The certificate of a member's Ray, which is server and client of other Rays under these hosts; undefined where `key` (PEM) is no
 * public key of P-256.
 */
export async function signRayKey(authority: Authority, key: string, hosts: readonly string[], nowMs: number) {
  const publicKey = await importKey(key).catch(() => undefined);
  return publicKey && sign(authority, publicKey, hosts, [SERVER, CLIENT], validity(nowMs, MEMBER_YEARS));
}

const importKey = async (pem: string) =>
  webcrypto.subtle.importKey("spki", x509.PemConverter.decodeFirst(pem), ALGORITHM, true, ["verify"]);

const { serverAuth: SERVER, clientAuth: CLIENT } = x509.ExtendedKeyUsage;

/** PEM. */
async function sign(
  { certificate, key }: Authority,
  publicKey: webcrypto.CryptoKey,
  hosts: readonly string[],
  usages: x509.ExtendedKeyUsageType[],
  valid: ReturnType<typeof validity>,
): Promise<string> {
  const pkcs8 = x509.PemConverter.decodeFirst(key);
  const signingKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["sign"]);
  const names = hosts.map((value) => ({ type: isIPv4(value) ? ("ip" as const) : ("dns" as const), value }));
  const made = await x509.X509CertificateGenerator.create({
    ...{ subject: [{ CN: [hosts[0] ?? ""] }], issuer: new x509.X509Certificate(certificate).subject },
    ...{ publicKey, signingKey, signingAlgorithm: ALGORITHM, ...valid },
    extensions: [new x509.ExtendedKeyUsageExtension(usages), new x509.SubjectAlternativeNameExtension(names)],
  });
  return made.toString("pem");
}
