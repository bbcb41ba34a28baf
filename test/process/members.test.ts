import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Members } from "../../src/common/protocol/admin-protocol.ts";
import { fillDisk } from "../fixtures/health-service-process.ts";
import { ask, MemberService, machine } from "../fixtures/members.ts";
import { until } from "../fixtures/until.ts";

let service: MemberService;

beforeEach(async () => {
  service = await new MemberService().start();
});
afterEach(() => service.remove());

const report = (life: string, advertise = "127.0.0.1") => ({
  ...{ life, role: "worker", state: "watching", head: null, advertise, nodeManagerPort: null },
});
const members = async () => Members.parse((await service.admin("GET", "/v1/members")).body);

test("a machine joins by a token, reports, leads, is removed, and is told so after a restart too", async () => {
  const { as, ...joined } = await service.join("gpu01");
  const at = `127.0.0.1:${service.port}`;
  const { proof } = joined;
  const rank = { term: 1, leader: at, proof, rayTokenId: 1 };
  const news = { candidates: "gpu01=127.0.0.1:6379", services: [at], ...rank };
  expect(joined).toMatchObject({ ...news, cluster: { name: "ray" }, ray: "2.60.0", python: "3.12" });
  expect((await service.call("PUT", "/v1/nodes/gpu01", report("gpu01-1"), as)).body.news).toEqual(news);
  expect((await service.call("PUT", "/v1/head", ask("gpu01"), as)).body).toMatchObject({ granted: true });
  expect((await members()).members).toMatchObject([{ name: "gpu01", candidate: true }]);
  await service.restart();
  expect((await service.call("PUT", "/v1/nodes/gpu01", report("gpu01-1"), as)).status).toBe(200);
  expect((await service.admin("DELETE", "/v1/members/gpu01")).status).toBe(200);
  for (let starts = 0; starts < 2; starts++) {
    for (const path of ["/v1/nodes/gpu01", "/v1/head"])
      expect(await service.call("PUT", path, {}, as)).toMatchObject({
        status: 403,
        body: { reason: "removed" },
      });
    expect((await service.admin("GET", "/v1/cluster")).body).toMatchObject({ holder: null, nodes: [] });
    await service.restart();
  }
  expect((await service.join("gpu01")).member).toBe("gpu01");
});

test("a member that reports another address is in the news with that one", async () => {
  const { as } = await service.join("gpu01");
  const noted = await service.call("PUT", "/v1/nodes/gpu01", report("gpu01-1", "127.0.0.7"), as);
  expect(noted.body.news.candidates).toBe("gpu01=127.0.0.7:6379");
});

test("members tell what their images are made from, and hear it of the one that joined first", async () => {
  const [one, two] = [await service.join("gpu01"), await service.join("gpu02")];
  const base = (image: string) => ({ image, layers: image.slice(-1).repeat(64) });
  const tell = (as: string, body: object) => service.call("POST", "/v1/base", body, as);
  expect((await tell(two.as, base("ray:2"))).body).toEqual({ first: null });
  const first = { member: "gpu01", ...base("ray:1") };
  expect((await tell(one.as, base("ray:1"))).body).toEqual({ first });
  await service.restart();
  expect((await tell(two.as, base("ray:2"))).body).toEqual({ first });
  expect(await tell("", base("ray:3"))).toMatchObject({ status: 401 });
  expect(await tell(one.as, { ...base("ray:3"), layers: "x" })).toMatchObject({ status: 400 });
  expect((await service.admin("POST", "/v1/base", base("ray:3"))).status).toBe(403);
});

test("without TLS it only says that it lives, and its files are its user's alone", async () => {
  const plain = (path: string) => service.process?.call("GET", path);
  expect(await plain("/")).toEqual({ status: 200, body: "OK" });
  const read = ["/v1/cluster", "/v1/head", "/v1/members", "/v1/events", "/v1/stream", "/v1/nodes/gpu01/log"];
  for (const path of [...read, "/v1/join", "/metrics", "/v1/prometheus-targets"])
    expect(await plain(path)).toMatchObject({ status: 404 });
  const mode = (path: string) => statSync(path).mode & 0o777;
  expect(mode(service.folder)).toBe(0o700);
  for (const file of ["cluster.json", "admin-token", "ca.crt", "lease.json"])
    expect(mode(join(service.folder, file))).toBe(0o600);
});

test("a cluster whose Ray speaks TLS signs its members' own keys, by a CA that signs for no health service", async () => {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = publicKey.export({ type: "spki", format: "pem" });
  const body = { key, address: "10.77.0.2" };
  const certify = (at: MemberService, as?: string, more = {}) =>
    at.call("POST", "/v1/ray-certificate", { ...body, ...more }, as);
  const encrypted = await new MemberService({ RAY_EP_CLUSTER_RAY_TLS: "true" }).start();
  try {
    const { as, rayTls } = await encrypted.join("gpu01");
    expect(rayTls).toBe(true);
    const { cert, ca } = (await certify(encrypted, as)).body;
    const own = new X509Certificate(cert);
    expect(own.subjectAltName).toBe("DNS:gpu01, IP Address:10.77.0.2, DNS:localhost, IP Address:127.0.0.1");
    const [ofRay, ofServices] = [ca, encrypted.read("ca.crt")].map(
      (pem) => new X509Certificate(pem).publicKey,
    );
    expect([ofRay, ofServices].map((each) => each && own.verify(each))).toEqual([true, false]);
    expect(await certify(encrypted)).toMatchObject({ status: 401 });
    expect(await certify(encrypted, encrypted.read("admin-token").trim())).toMatchObject({ status: 403 });
    expect(await certify(encrypted, as, { key: "no key" })).toMatchObject({ status: 400 });
  } finally {
    await encrypted.remove();
  }
  const { as, rayTls } = await service.join("gpu01");
  expect(rayTls).toBe(false);
  expect(await certify(service, as)).toMatchObject({ status: 400 });
});

describe("credentials", () => {
  const WRITES = [
    ["PUT", "/v1/nodes/gpu01", report("gpu01-1")],
    ["PUT", "/v1/head", ask("gpu01")],
    ["DELETE", "/v1/head", { node: "gpu01", life: "gpu01-1", epoch: 1 }],
    ["POST", "/v1/reach", { node: "gpu01", life: "gpu01-1", nonce: "12345678", port: 20_000 }],
    ["DELETE", "/v1/members/gpu01", undefined],
    ["POST", "/v1/tokens", { expiresInS: 60, once: false }],
    ["DELETE", "/v1/tokens", {}],
  ] as const;
  const OTHERS = [
    ["GET", "/v1/cluster", undefined],
    ["GET", "/v1/head", undefined],
    ["GET", "/v1/members", undefined],
    ["GET", "/metrics", undefined],
    ["GET", "/v1/events", undefined],
    ["GET", "/v1/prometheus-targets", undefined],
    ["POST", "/v1/dial-back", { nonce: "12345678", ports: [20_000] }],
  ] as const;

  test("nobody is heard without one, and a member's is worth nothing for another member or the cluster", async () => {
    const { as } = await service.join("gpu01");
    const other = await service.join("gpu02");
    for (const [method, path, body] of [...WRITES, ...OTHERS])
      for (const wrong of [
        undefined,
        "gpu01",
        "gpu01:",
        `gpu01:${other.credential}`,
        `gpu03:${other.credential}`,
      ])
        expect([path, (await service.call(method, path, body, wrong)).status]).toEqual([path, 401]);
    for (const [method, path, body] of WRITES)
      expect([path, (await service.call(method, path, body, other.as)).status]).toEqual([path, 403]);
    for (const [method, path, body] of OTHERS)
      expect([path, (await service.call(method, path, body, other.as)).status]).toEqual([path, 200]);
    expect((await members()).members.map(({ name }) => name)).toEqual(["gpu01", "gpu02"]);
    for (const [method, path, body] of WRITES.slice(0, 5))
      expect([path, (await service.call(method, path, body, as)).status]).toEqual([path, 200]);
  });

  test("a thousand wrong ones are refused, and a member goes on meanwhile", async () => {
    const { as } = await service.join("gpu01");
    const agent = new Agent({ keepAlive: true });
    const guess = async (who: number) => {
      const statuses = new Set<number>();
      for (let i = 0; i < 100; i++)
        statuses.add(
          (await service.call("GET", "/v1/head", undefined, `gpu01:guess-${who}-${i}`, agent)).status,
        );
      return [...statuses];
    };
    const guesses = Promise.all(Array.from({ length: 10 }, (_, who) => guess(who)));
    expect((await service.call("PUT", "/v1/nodes/gpu01", report("gpu01-1"), as)).status).toBe(200);
    expect((await guesses).flat()).toEqual(Array(10).fill(401));
    agent.destroy();
    expect(service.process?.text.match(/refused: no credential/g)).toHaveLength(1);
  });
});

test("the carrier image goes to members, and to whoever could join now", async () => {
  const { as } = await service.join("gpu01");
  const [{ secret }, once, ended] = await Promise.all([
    service.token(),
    service.token({ once: true }),
    service.token(),
  ]);
  const carrier = async (bearer?: string) =>
    (await service.call("GET", "/v1/carrier", undefined, bearer)).status;
  expect(await carrier(secret)).toBe(404);
  writeFileSync(join(service.folder, "carrier.tar"), "a".repeat(3_000_000));
  expect((await service.call("GET", "/v1/carrier", undefined, secret)).text).toHaveLength(3_000_000);
  await service.call("POST", "/v1/join", machine("gpu02", { secret: once.secret }));
  await service.admin("DELETE", "/v1/tokens", { secret: ended.secret });
  const bearers = [secret, as, once.secret, ended.secret, "x".repeat(32), "gpu01:x", undefined];
  expect(await Promise.all(bearers.map(carrier))).toEqual([200, 200, 401, 401, 401, 401, 401]);
});

test("a member that is removed while it still sends gets no lease by that request", async () => {
  const { as } = await service.join("gpu01");
  const body = JSON.stringify(ask("gpu01"));
  const headers = {
    "content-type": "application/json",
    "content-length": body.length,
    authorization: `Bearer ${as}`,
  };
  const sending = request({
    ...{ host: "127.0.0.1", port: service.port, ca: service.read("ca.crt"), agent: false },
    ...{ checkServerIdentity: () => undefined, method: "PUT", path: "/v1/head", headers },
  });
  sending.write(body.slice(0, 1));
  const heard = async () => (await members()).members[0]?.heardAgo !== null;
  await until("its header to be heard", heard);
  await service.admin("DELETE", "/v1/members/gpu01");
  sending.end(body.slice(1));
  const [response] = await once(sending, "response");
  expect(response.statusCode).toBe(403);
  expect((await service.admin("GET", "/v1/head")).body.holder).toBeNull();
});

test("nothing secret is in the log, in answers or in the metrics", async () => {
  const { secret, word } = await service.token();
  await service.call("POST", "/v1/join", { secret, ...machine("gpu01") });
  const { credential, as, rayToken } = await service.join("gpu02");
  const admin = service.read("admin-token").trim();
  const sent = `{"secret":"${secret}", "node": oops}`;
  const answers = [
    await service.call("POST", "/v1/join", { secret, ...machine("gpu02") }),
    await service.call("POST", "/v1/join", { secret, ...machine("gpu03", { ray: "2.1" }) }),
    await service.call("POST", "/v1/join", sent),
    await service.admin("DELETE", "/v1/tokens", { secret }),
    await service.call("POST", "/v1/join", { secret, ...machine("gpu03") }),
    await service.call("PUT", "/v1/nodes/gpu02", report("gpu02-1"), as),
    await service.call("GET", `/v1/nodes/${secret}`, undefined, as),
    ...(await Promise.all(
      ["/v1/cluster", "/v1/head", "/v1/members", "/metrics"].map((path) => service.admin("GET", path)),
    )),
  ];
  await service.admin("DELETE", "/v1/members/gpu02");
  answers.push(await service.call("GET", "/v1/members", undefined, as));
  expect(answers.map(({ status }) => status)).toEqual([
    403, 403, 400, 200, 403, 200, 405, 200, 200, 200, 200, 403,
  ]);
  const shown = [service.process?.text, ...answers.map(({ text }) => text)].join("\n");
  for (const each of [secret, word, credential, rayToken, admin]) expect(shown).not.toContain(each);
  const kept = service.read("cluster.json");
  for (const each of [secret, credential, admin]) expect(kept).not.toContain(each);
});

test("two machines of one name at once: one joins, and the other is told", async () => {
  const [one, two] = [await service.token(), await service.token()];
  const answers = await Promise.all(
    [one, two].map(({ secret }) => service.call("POST", "/v1/join", { secret, ...machine("gpu01") })),
  );
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 403]);
  expect((await members()).members).toHaveLength(1);
});

test("a member that gives its membership back before its node reported may join by the same token", async () => {
  const { secret } = await service.token({ once: true });
  const joinOnce = async () => (await service.call("POST", "/v1/join", { secret, ...machine("gpu01") })).body;
  const leave = (credential: string) =>
    service.call("DELETE", "/v1/members/gpu01", undefined, `gpu01:${credential}`);
  expect((await leave((await joinOnce()).credential)).status).toBe(200);
  const { credential } = await joinOnce();
  await service.call("PUT", "/v1/nodes/gpu01", report("gpu01-1"), `gpu01:${credential}`);
  await leave(credential);
  expect(await joinOnce()).toMatchObject({ reason: "used" });
});

test("members that cannot be kept do not join, nothing is half done, and later they do", async () => {
  const { secret } = await service.token();
  const empty = fillDisk(service.folder);
  const refused = await service.call("POST", "/v1/join", { secret, ...machine("gpu01") });
  expect(refused).toMatchObject({
    status: 503,
    body: { error: expect.stringContaining("nothing was changed") },
  });
  expect((await members()).members).toEqual([]);
  empty();
  expect((await service.call("POST", "/v1/join", { secret, ...machine("gpu01") })).status).toBe(200);
});

test("strangers who leave their handshakes open do not keep members out, and are cut off", async () => {
  const { as } = await service.join("gpu01");
  const sockets = Array.from({ length: 1000 }, () =>
    connect(service.port, "127.0.0.1").on("error", () => {}),
  );
  let closed = 0;
  for (const socket of sockets) socket.on("close", () => void closed++);
  try {
    await until("all to come", () => sockets.every((socket) => !socket.connecting || socket.destroyed));
    for (const socket of sockets) socket.write("\x16\x03\x01");
    expect((await service.call("PUT", "/v1/nodes/gpu01", report("gpu01-1"), as)).status).toBe(200);
    await until("all to be cut off", () => closed === sockets.length, 9000);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test("a service whose cluster cannot be read does not make another one of it", async () => {
  await service.stop();
  rmSync(join(service.folder, "cluster.json"));
  symlinkSync("/proc/version", join(service.folder, "cluster.json"));
  const failed = await service.launch();
  expect(await failed.exit()).toBe(74);
  expect(failed.text).toContain("cannot be used");
});
