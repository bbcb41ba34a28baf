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

/** The clocks of two machines may differ: a certificate is valid a day before it is made. */
const validity = (nowMs: number) => ({
  notBefore: new Date(nowMs - DAY_MS),
  notAfter: new Date(nowMs + YEARS * 365 * DAY_MS),
});

const newKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);

const pemOf = async (key: webcrypto.CryptoKey): Promise<string> =>
  x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");

/** A CA of its own for one cluster. `nowMs`: milliseconds since 1970. */
export async function makeAuthority(clusterId: string, nowMs: number): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [`ray-entrypoint ${clusterId}`] }],
    ...{ keys, signingAlgorithm: ALGORITHM, ...validity(nowMs) },
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  return { certificate: certificate.toString("pem"), key: await pemOf(keys.privateKey) };
}

/** A health service's certificate, which that CA signed, with the CA's own behind it: strangers compare that one with their pin. */
export async function makeServerKeys({ certificate, key }: Authority, host: string, nowMs: number) {
  const issuer = new x509.X509Certificate(certificate);
  const keys = await newKeys();
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    x509.PemConverter.decodeFirst(key),
    ALGORITHM,
    false,
    ["sign"],
  );
  const made = await x509.X509CertificateGenerator.create({
    ...{ subject: [{ CN: [host] }], issuer: issuer.subject, publicKey: keys.publicKey, signingKey },
    ...{ signingAlgorithm: ALGORITHM, ...validity(nowMs) },
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: isIPv4(host) ? "ip" : "dns", value: host }]),
    ],
  });
  return { cert: `${made.toString("pem")}\n${certificate}`, key: await pemOf(keys.privateKey) };
}
