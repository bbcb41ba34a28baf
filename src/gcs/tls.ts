import { isIP } from "node:net";
import { join } from "node:path";
import type { Environment } from "../common/environment.ts";
import type { Problem } from "../common/failure.ts";
import { readText } from "../common/files.ts";
import { shownPath } from "../common/output/shown.ts";
import { attempt } from "../common/result.ts";

const FILES = { cert: "RAY_TLS_SERVER_CERT", key: "RAY_TLS_SERVER_KEY", ca: "RAY_TLS_CA_CERT" } as const;
type Part = keyof typeof FILES;
const PARTS = Object.keys(FILES) as Part[];

/** The names of a member's own keys, beside its membership; docker/profile.sh has them as well. */
const OWN = { cert: "ray-tls.crt", key: "ray-tls.key", ca: "ray-tls-ca.crt" } as const satisfies Record<
  Part,
  string
>;

/** Where these keys lie in that folder, and what they hold. */
export const ownTlsFiles = (folder: string, keys: TlsKeys) =>
  PARTS.map((part) => ({ path: join(folder, OWN[part]), text: keys[part] }));

/** What each program that speaks to a Ray with keys in that folder is told. */
export const ownTlsVariables = (folder: string): Readonly<Record<string, string>> => ({
  RAY_USE_TLS: "1",
  ...Object.fromEntries(PARTS.map((part) => [FILES[part], join(folder, OWN[part])])),
});

/** What this node presents and trusts when Ray uses TLS: the contents of PEM files. */
export type TlsKeys = Readonly<Record<Part, string>>;

/** As Ray reads it (ray/_common/tls_utils.py, ray_config_def.h, 2.60); undefined without TLS, empty what cannot be read. */
export function readTls(env: Environment): TlsKeys | undefined {
  if (!["1", "true"].includes((env.RAY_USE_TLS ?? "").toLowerCase())) return undefined;
  const read = (part: Part): string => readText(env[FILES[part]] ?? "") ?? "";
  return { cert: read("cert"), key: read("key"), ca: read("ca") };
}

/** All reasons why Ray could not use these files. */
export async function findTlsProblems(env: Environment, tls: TlsKeys | undefined): Promise<Problem[]> {
  if (tls === undefined) return [];
  const missing = PARTS.filter((part) => tls[part] === "").map((part): Problem => {
    const file = env[FILES[part]];
    const got = file ? `got ${shownPath(file)}, which is empty or cannot be read` : "got none";
    return {
      where: FILES[part],
      problem: `expected a file, since RAY_USE_TLS is set, ${got}`,
      fix: "Mount the file and make it readable for this user, or unset RAY_USE_TLS on every node.",
    };
  });
  const wrong = (await faultsIn(tls)).filter(([part, isWrong]) => isWrong && tls[part] !== "");
  return [...missing, ...wrong.map(([part, _, problem, fix]) => ({ where: FILES[part], problem, fix }))];
}

async function faultsIn(tls: TlsKeys) {
  // Loading it takes a tenth of the time of a decision.
  const { createPrivateKey, X509Certificate } = await import("node:crypto");
  const certificatesIn = (pem: string) =>
    attempt(() => (pem.match(CERTIFICATE) ?? []).map((each) => new X509Certificate(each))) ?? [];
  const [[own, ...between], roots] = [certificatesIn(tls.cert), certificatesIn(tls.ca)];
  const key = attempt(() => createPrivateKey(tls.key));
  const faults: [part: Part, isWrong: boolean, problem: string, fix: string][] = [
    ["cert", own === undefined, "expected a certificate in PEM, got none", PEM],
    ["ca", roots.length === 0, "expected certificates in PEM, got none", PEM],
    ["key", key === undefined, "expected a private key in PEM without a passphrase, got none", PEM],
  ];
  if (own === undefined) return faults;
  const until = new Date(own.validTo);
  faults.push(
    [
      "key",
      key !== undefined && !own.checkPrivateKey(key),
      "expected the key of the certificate in RAY_TLS_SERVER_CERT, got the key of another certificate",
      "Give a certificate and its own key.",
    ],
    [
      "cert",
      roots.length > 0 && !leadsTo(own, between, roots),
      "expected a certificate signed by a CA in RAY_TLS_CA_CERT, got one that is not",
      "Have that CA sign it; put intermediate certificates into the same file, after the node's own.",
    ],
    [
      "cert",
      until.getTime() < Date.now(),
      `expected a valid certificate, got one that expired on ${until.toISOString()}`,
      "Make a new certificate.",
    ],
  );
  return faults;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const PEM = "Give a file that begins with -----BEGIN.";

type Certificate = import("node:crypto").X509Certificate;

/** True when one of `roots` is or has signed `cert`, directly or through some of `between`. */
function leadsTo(cert: Certificate, between: readonly Certificate[], roots: readonly Certificate[]): boolean {
  const signs = (issuer: Certificate) => cert.checkIssued(issuer) && cert.verify(issuer.publicKey);
  if (roots.some((root) => root.fingerprint256 === cert.fingerprint256 || signs(root))) return true;
  const without = (one: Certificate) => between.filter((each) => each !== one);
  return between.some((each) => signs(each) && leadsTo(each, without(each), roots));
}

/** The options of a TLS connection. Ray's servers want a client certificate; SNI takes no addresses. */
export const tlsOptions = (keys: TlsKeys | undefined, host: string) => ({
  ...keys,
  servername: isIP(host) ? "" : host,
  ALPNProtocols: ["h2"],
});
