import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { clusterStore, EMPTY_CLUSTER } from "../../../test/fixtures/cluster-store.ts";
import { ok } from "../../common/result.ts";
import type { Event } from "../event.ts";
import { makeAuthority } from "./certificates.ts";
import { Cluster, type Remover } from "./cluster.ts";
import { digestOf } from "./secrets.ts";

const MEMBER = {
  ...{ name: "gpu01", address: "10.0.0.1", candidate: true, joinedAtMs: 0 },
  ...{ credential: digestOf("c"), joinedBy: digestOf("s") },
};

test("whom the admin removes knows a join token, which ends with the membership; whoever leaves by itself takes none along", async () => {
  const token = { secret: MEMBER.joinedBy, madeAtMs: 0, endsAtMs: 1000, once: false, revoked: false };
  const state = {
    ...EMPTY_CLUSTER,
    members: [MEMBER],
    tokens: [token, { ...token, secret: digestOf("other") }],
  };
  const remove = async (by: Remover) => {
    const store = clusterStore(state);
    const own = { store, admin: "a", now: () => 0, wallNow: () => 0, graceMs: 0 };
    const removed = await new Cluster({ ...own, log: () => {} }).remove("gpu01", by, false);
    return [removed, store.state.tokens.map(({ revoked }) => revoked)];
  };
  expect(await remove("the admin")).toEqual([{ revoked: 1 }, [true, false]]);
  expect(await remove("itself")).toEqual([{ revoked: 0 }, [false, false]]);
});

test("a move is written once, however many reports tell it, and not of a member that was removed before its turn", async () => {
  let writes = 0;
  const save = async () => {
    writes += 1;
    return ok(undefined);
  };
  const events: Event[] = [];
  const log = (event: Event) => void events.push(event);
  const store = clusterStore({ ...EMPTY_CLUSTER, members: [MEMBER] }, save, { log });
  const cluster = new Cluster({
    store,
    admin: "a",

    now: () => 0,
    wallNow: () => 0,
    graceMs: 0,
    log,
  });
  await Promise.all(Array.from("123", () => cluster.locate("gpu01", "10.0.0.9")));
  expect([writes, store.state.members[0]?.address]).toEqual([1, "10.0.0.9"]);
  await Promise.all([cluster.remove("gpu01", "the admin", false), cluster.locate("gpu01", "10.0.0.1")]);
  expect([writes, store.state.members]).toEqual([2, []]);
  expect(events.map(({ type }) => type)).toEqual(["moved", "removed"]);
});

test("no member's Ray gets a certificate for another one's name or address, but for one that its machine has now", async () => {
  const rayAuthority = await makeAuthority("lab ray", 0);
  const others = [
    { ...MEMBER, name: "gpu02", address: "10.0.0.2" },
    { ...MEMBER, name: "10.0.0.1" },
  ];
  const store = clusterStore({ ...EMPTY_CLUSTER, rayAuthority, members: [MEMBER, ...others] });
  const own = { store, admin: "a", now: () => 0, wallNow: () => 0, graceMs: 0 };
  const cluster = new Cluster({ ...own, log: () => {} });
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = publicKey.export({ type: "spki", format: "pem" }).toString();
  const certify = async (name: string, address: string, peer: string) => {
    const signed = await cluster.ray.certify(name, { key, address }, peer);
    return typeof signed === "string" ? signed : new X509Certificate(signed.cert).subjectAltName;
  };
  for (const [name, address] of [
    ["gpu02", "10.0.0.1"],
    ["gpu02", "GPU01"],
    ["10.0.0.1", "10.0.0.9"],
  ] as const)
    expect(await certify(name, address, "10.0.0.2")).toContain("is gpu01's");
  expect(await certify("gpu02", "10.0.0.1", "10.0.0.1")).toContain("IP Address:10.0.0.1");
  expect(await certify("gpu02", "10.0.0.9", "10.0.0.2")).toContain("IP Address:10.0.0.9");
  expect(await cluster.ray.certify("gpu02", { key: "none", address: "10.0.0.9" }, "")).toContain("P-256");
});

test("with Ray's token its CA is another one, where it speaks TLS; what signed before signs no more", async () => {
  const keys = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const now = Date.now();
  const store = clusterStore({ ...EMPTY_CLUSTER, rayAuthority: await makeAuthority("ray", now) });
  const own = { store, admin: "a", now: () => 0, wallNow: () => now, graceMs: 0, log: () => {} };
  const cluster = new Cluster(own);
  const before = cluster.ray.token();
  await cluster.ray.rotate();
  const after = cluster.ray.token();
  expect(after).toMatchObject({ rayTokenId: 2, rayCa: expect.stringContaining("BEGIN CERTIFICATE") });
  expect(after.rayToken).not.toBe(before.rayToken);
  expect(after.rayCa).not.toBe(before.rayCa);
  const signed = await cluster.ray.certify("gpu01", { key: keys.publicKey, address: "10.0.0.1" }, "10.0.0.1");
  if (typeof signed === "string") throw new Error(signed);
  const cert = new X509Certificate(signed.cert);
  const isOf = (ca = "") => cert.verify(new X509Certificate(ca).publicKey);
  expect([isOf(before.rayCa), isOf(after.rayCa), signed.ca === after.rayCa]).toEqual([false, true, true]);
});

test("a token of Ray's has a number that none had which the service before made and did not hand over", async () => {
  const rotated = (term: number) => {
    const store = clusterStore({ ...EMPTY_CLUSTER, term, rayTokenId: 1 });
    const own = { store, admin: "a", now: () => 0, wallNow: () => 0, graceMs: 0 };
    return new Cluster({ ...own, log: () => {} }).ray.rotate();
  };
  const [before, after] = [await rotated(1), await rotated(2)];
  expect(before).toEqual({ rayTokenId: 2 });
  expect(after?.rayTokenId).toBeGreaterThan(100);
});
