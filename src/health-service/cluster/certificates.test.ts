import { createHash, generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type DetailedPeerCertificate } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { makeAuthority, makeServerKeys, signRayKey } from "./certificates.ts";

const DAY_MS = 86_400_000;
const server = { close: () => {} };
afterEach(() => server.close());

/** What a client sees of a service of that CA. */
async function handshake(
  options: { ca?: string; rejectUnauthorized: boolean },
  authority = makeAuthority("c1", Date.now()),
) {
  const keys = await makeServerKeys(await authority, "10.77.0.1", Date.now());
  const listening = createServer(keys, (socket) => socket.end()).listen(0, "127.0.0.1");
  await once(listening, "listening");
  server.close = () => listening.close();
  const socket = connect({
    ...{ host: "127.0.0.1", port: (listening.address() as AddressInfo).port },
    ...{ checkServerIdentity: () => undefined, ...options },
  });
  await once(socket, "secureConnect");
  const peer: DetailedPeerCertificate = socket.getPeerCertificate(true);
  socket.destroy();
  return peer;
}

test("a stranger finds the CA's certificate behind the server's, and may compare it with a pin", async () => {
  const authority = makeAuthority("c1", Date.now());
  const { issuerCertificate } = await handshake({ rejectUnauthorized: false }, authority);
  const { raw } = new X509Certificate((await authority).certificate);
  expect(createHash("sha256").update(issuerCertificate.raw).digest()).toEqual(
    createHash("sha256").update(raw).digest(),
  );
});

test("whoever has the CA's certificate trusts its services, and those of no other CA", async () => {
  const authority = makeAuthority("c1", Date.now());
  const { certificate: ca } = await authority;
  const { subject } = await handshake({ ca, rejectUnauthorized: true }, authority);
  expect(subject.CN).toBe("10.77.0.1");
  server.close();
  await expect(handshake({ ca, rejectUnauthorized: true })).rejects.toThrow(/certificate/);
});

test("certificates are valid a day before they are made, and for 20 years", async () => {
  const nowMs = Date.now();
  const authority = await makeAuthority("c1", nowMs);
  const { cert } = await makeServerKeys(authority, "gpu01", nowMs);
  for (const pem of [authority.certificate, cert]) {
    const { validFromDate, validToDate } = new X509Certificate(pem);
    expect(nowMs - validFromDate.getTime()).toBeGreaterThanOrEqual(DAY_MS);
    expect(validToDate.getTime() - nowMs).toBeGreaterThan(19.9 * 365 * DAY_MS);
  }
});

const newKeys = () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(), privateKey };
};

test("a certificate of a member's Ray: for its own key and hosts, as server and client, for 10 years", async () => {
  const nowMs = Date.now();
  const authority = await makeAuthority("c1 ray", nowMs);
  const [own, other] = [newKeys(), newKeys()];
  const pem = await signRayKey(authority, own.publicKey, ["gpu02", "10.77.0.2", "127.0.0.1"], nowMs);
  const made = new X509Certificate(pem ?? "");
  expect(made.checkIssued(new X509Certificate(authority.certificate))).toBe(true);
  expect(["10.77.0.2", "127.0.0.1", "10.77.0.3"].map((ip) => made.checkIP(ip) === ip)).toEqual([
    true,
    true,
    false,
  ]);
  expect(made.checkHost("gpu02")).toBe("gpu02");
  expect(made.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  expect([own, other].map(({ privateKey }) => made.checkPrivateKey(privateKey))).toEqual([true, false]);
  const years = (made.validToDate.getTime() - nowMs) / DAY_MS / 365;
  expect(years).toBeCloseTo(10, 2);
});

test.each(["", "no key", "-----BEGIN PUBLIC KEY-----\nMAAw\n-----END PUBLIC KEY-----"])(
  "no certificate for what is no key: %s",
  async (key) => {
    expect(await signRayKey(await makeAuthority("c1 ray", 0), key, ["gpu02"], 0)).toBeUndefined();
  },
);
