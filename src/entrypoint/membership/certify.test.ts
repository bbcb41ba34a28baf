import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import type { Call } from "../../common/net/http.ts";
import { RayCertificateRequest } from "../../common/protocol/join-protocol.ts";
import { err, ok } from "../../common/result.ts";
import { makeAuthority, signRayKey } from "../../health-service/cluster/certificates.ts";
import { certify, isCurrent } from "./certify.ts";
import type { Membership } from "./membership.ts";

const YEAR_MS = 365 * 86_400_000;
const member = (more: Partial<Membership>) =>
  ({ member: "gpu02", address: "10.77.0.2", services: ["10.77.0.1:8443"], ...more }) as Membership;

/** A health service that signs; what it was sent; and its CA. */
async function signing() {
  const authority = await makeAuthority("c1 ray", Date.now());
  const asked: RayCertificateRequest[] = [];
  const call: Call = async (_method, _path, _timeoutMs, body) => {
    const request = RayCertificateRequest.parse(body);
    asked.push(request);
    const cert = await signRayKey(authority, request.key, [request.address], Date.now());
    return ok({ status: 200, body: JSON.stringify({ cert, ca: authority.certificate }), dateMs: 0 });
  };
  return { authority, asked, call };
}

test("a member gets keys once, and others when it has another address; its private key is sent to nobody", async () => {
  const { authority, asked, call } = await signing();
  const first = await certify(member({ rayTls: true }), call);
  const keys = first.ok ? first.value.rayKeys : undefined;
  expect(keys?.ca).toBe(authority.certificate);
  expect(asked[0]?.key).toContain("PUBLIC KEY");
  expect(JSON.stringify(asked)).not.toContain("PRIVATE");
  expect(await certify(member({ rayTls: true, rayKeys: keys }), call)).toMatchObject({
    value: { rayKeys: keys },
  });
  expect(asked).toHaveLength(1);
  const moved = await certify(member({ rayTls: true, rayKeys: keys, address: "10.77.0.9" }), call);
  const cert = new X509Certificate(moved.ok ? (moved.value.rayKeys?.cert ?? "") : "");
  expect(cert.checkIP("10.77.0.9")).toBe("10.77.0.9");
});

test("where another CA signs for Ray since, a member gets keys of that one", async () => {
  const [before, now] = [await signing(), await signing()];
  const first = await certify(member({ rayTls: true }), before.call);
  const { rayKeys } = first.ok ? first.value : {};
  for (const { authority } of [before, now]) {
    const next = await certify(member({ rayTls: true, rayKeys }), now.call, authority.certificate);
    expect(next.ok && next.value.rayKeys?.ca).toBe(authority.certificate);
  }
  expect(now.asked).toHaveLength(1);
});

test("where the cluster's Ray speaks in clear nobody is asked; a refusal and silence are told", async () => {
  const refused: Call = async () => ok({ status: 400, body: "no", dateMs: 0 });
  expect(await certify(member({ rayTls: false }), refused)).toEqual(ok(member({ rayTls: false })));
  expect(await certify(member({ rayTls: true }), refused)).toMatchObject({
    error: { reason: "join-unclear" },
  });
  const silent = await certify(member({ rayTls: true }), async () => err("no answer"));
  expect(silent).toMatchObject({ error: { reason: "no-health-service", causes: ["no answer"] } });
});

test.each([
  ["a new one", "10.77.0.2", 0, true],
  ["nearly half over", "10.77.0.2", 4.9, true],
  ["half over", "10.77.0.2", 5.1, false],
  ["another address's", "10.77.0.3", 0, false],
])("a certificate that is current or not: %s", async (_, address, years, current) => {
  const { call } = await signing();
  const made = await certify(member({ rayTls: true }), call);
  const { cert = "" } = (made.ok && made.value.rayKeys) || {};
  expect(await isCurrent(cert, address, Date.now() + years * YEAR_MS)).toBe(current);
});

test("what is no certificate is not current", async () => {
  expect(await isCurrent("", "10.77.0.2", 0)).toBe(false);
});
