import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Certificates } from "../../test/fixtures/certificates.ts";
import { FakeGcs, fakeNode } from "../../test/fixtures/fake-gcs.ts";
import * as odd from "../../test/fixtures/odd-servers.ts";
import { renderProbe } from "../common/probe-result.ts";
import { openGcs } from "./client.ts";
import { probeGcs } from "./probe.ts";
import { findTlsProblems, readTls, type TlsKeys } from "./tls.ts";

const folder = mkdtempSync(join(tmpdir(), "tls-"));
let [ours, others]: Certificates[] = [];
let keys: TlsKeys;
let strangerKeys: TlsKeys;

beforeAll(() => {
  for (const name of ["ours", "others"]) mkdirSync(join(folder, name));
  ours = new Certificates(join(folder, "ours"));
  others = new Certificates(join(folder, "others"));
  keys = ours.keys(["127.0.0.1", "localhost"]);
  strangerKeys = others.keys(["127.0.0.1"]);
});
afterAll(() => rmSync(folder, { recursive: true }));

const running: { stop(): Promise<void> }[] = [];
afterEach(() => Promise.all(running.splice(0).map((each) => each.stop())));
async function keep<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const started = await starting;
  running.push(started);
  return started;
}

const TIMEOUT_MS = 20_000;
const withTls = (token: string | null = null) => ({ token, tls: keys, timeoutMs: TIMEOUT_MS });
const inClear = { token: null, timeoutMs: TIMEOUT_MS };

describe("A8 a GCS that speaks TLS", () => {
  test("is seen by a node that does too, by its address and by its name", async () => {
    const gcs = await keep(FakeGcs.start({ tls: keys }));
    for (const host of ["127.0.0.1", "localhost"]) {
      const seen = await probeGcs({ host, port: gcs.address.port }, withTls());
      expect(seen).toMatchObject({ kind: "ray-gcs", version: "2.60.0", clusterId: gcs.clusterId });
    }
  });

  test("is watched, and tells a wrong token from a right one", async () => {
    const gcs = await keep(FakeGcs.start({ tls: keys, token: "s3cret" }));
    gcs.nodes = [fakeNode("ray-cpu")];
    expect(await probeGcs(gcs.address, withTls("s3cret"))).toMatchObject({ kind: "ray-gcs" });
    expect(await probeGcs(gcs.address, withTls("guess"))).toMatchObject({ kind: "unauthorized" });
    const client = openGcs(gcs.address, { token: "s3cret", tls: keys });
    expect(await client.nodes(5000)).toMatchObject({ ok: true, value: [{ name: "ray-cpu" }] });
    expect(await client.clusterId(5000)).toEqual({ ok: true, value: gcs.clusterId });
    client.close();
  });

  test("that hangs is silent, not absent", async () => {
    const gcs = await keep(FakeGcs.start({ tls: keys }));
    gcs.hangs = true;
    const seen = await probeGcs(gcs.address, { ...withTls(), timeoutMs: 1000 });
    expect(seen).toMatchObject({ kind: "timeout", phase: "answer" });
  });

  test("never counts as a missing HEAD for a node that speaks clear text", async () => {
    const gcs = await keep(FakeGcs.start({ tls: keys }));
    const seen = await probeGcs(gcs.address, inClear);
    expect(seen).toMatchObject({ kind: "tls", problem: "wanted" });
    expect(renderProbe(seen)).toContain("speaks TLS, and this node does not");
  });

  test.each([
    ["of another CA", () => strangerKeys, /self.signed certificate|unable to (?:get|verify)/],
    ["for another address", () => ours?.keys(["10.9.8.7"]), /does not match certificate's altnames/],
    ["that trusts another CA", () => ({ ...keys, ca: strangerKeys.ca }), /alert|closes the connection/],
  ])("with a certificate %s: what does not fit is said", async (_, keysOf, words) => {
    const gcs = await keep(FakeGcs.start({ tls: keysOf() as TlsKeys }));
    const seen = await probeGcs(gcs.address, withTls());
    expect(seen).toMatchObject({ kind: "tls", problem: "failed", detail: expect.stringMatching(words) });
  });
});

describe("A8 to a node that speaks TLS", () => {
  test("a GCS in clear text does not count as a missing HEAD, and our token is not sent to it", async () => {
    const gcs = await keep(FakeGcs.start());
    expect(await probeGcs(gcs.address, withTls())).toMatchObject({ kind: "tls", problem: "missing" });
    gcs.token = "s3cret";
    expect(await probeGcs(gcs.address, withTls("s3cret"))).toMatchObject({ kind: "tls", problem: "missing" });
  });

  test.each([
    ["a Redis", odd.redis, "not-ray"],
    ["a web server of HTTP/1", odd.http1, "not-ray"],
    ["one that closes at once", odd.curt, "not-ray"],
    ["one that resets", odd.rude, "not-ray"],
    ["a TLS server without a certificate", odd.tls, "tls"],
    ["a closed port", odd.refused, "refused"],
    ["a full queue", odd.silent, "timeout"],
    ["one that says nothing", odd.mute, "timeout"],
  ])("%s is what it is", async (_, start, kind) => {
    const server = await keep(start());
    const seen = await probeGcs(server.address, { ...withTls(), timeoutMs: 1500 });
    expect(seen.kind).toBe(kind);
    expect(seen.ms).toBeLessThan(2500);
  });
});

describe("A8 the environment", () => {
  test.each([
    ["1", true],
    ["true", true],
    ["TRUE", true],
    ["0", false],
    ["yes", false],
    ["", false],
    [" 1", false],
    [undefined, false],
  ])("RAY_USE_TLS=%s, as Ray reads it: %s", (value, on) => {
    expect(readTls({ RAY_USE_TLS: value }) !== undefined).toBe(on);
  });

  const problemsOf = async (env: Record<string, string>) => {
    const problems = await findTlsProblems(env, readTls(env));
    return problems.map(({ where, problem }) => `${where}: ${problem}`);
  };

  test("matching files are no problem", async () => {
    expect(await problemsOf(ours?.env(["ray-cpu"]) ?? {})).toEqual([]);
    expect(await problemsOf({})).toEqual([]);
  });

  test("one file with certificate and CA, as in Ray's own tests, is no problem", async () => {
    const env = ours?.env(["ray-cpu"]) ?? {};
    expect(await problemsOf({ ...env, RAY_TLS_CA_CERT: env.RAY_TLS_SERVER_CERT ?? "" })).toEqual([]);
  });

  test("all that is wrong is said at once", async () => {
    const text = join(folder, "text");
    writeFileSync(text, "no certificate\n");
    expect(
      await problemsOf({ RAY_USE_TLS: "1", RAY_TLS_SERVER_CERT: text, RAY_TLS_SERVER_KEY: "/no/such" }),
    ).toEqual([
      "RAY_TLS_SERVER_KEY: expected a file, since RAY_USE_TLS is set, got /no/such, which is empty or cannot be read",
      "RAY_TLS_CA_CERT: expected a file, since RAY_USE_TLS is set, got none",
      "RAY_TLS_SERVER_CERT: expected a certificate in PEM, got none",
    ]);
  });

  test("B7 a key in the place of its file is not shown", async () => {
    const all = await problemsOf({
      RAY_USE_TLS: "1",
      RAY_TLS_SERVER_KEY: "-----BEGIN PRIVATE KEY-----\ns3cr3t",
    });
    expect(all.join("\n")).toContain(
      "RAY_TLS_SERVER_KEY: expected a file, since RAY_USE_TLS is set, got (34 char",
    );
    expect(all.join("\n")).not.toContain("s3cr3t");
  });

  test("a key and a CA that do not match, and an expired certificate", async () => {
    const env = ours?.env(["ray-cpu"]) ?? {};
    const stranger = others?.env(["ray-cpu"]) ?? {};
    expect(
      await problemsOf({
        ...env,
        RAY_TLS_SERVER_KEY: stranger.RAY_TLS_SERVER_KEY ?? "",
        RAY_TLS_CA_CERT: stranger.RAY_TLS_CA_CERT ?? "",
      }),
    ).toEqual([
      expect.stringMatching(/^RAY_TLS_SERVER_KEY: expected the key of the certificate/),
      expect.stringMatching(/^RAY_TLS_SERVER_CERT: expected a certificate signed by a CA in RAY_TLS_CA_CERT/),
    ]);
    const old = ours?.make(["ray-cpu"], -1);
    expect(
      await problemsOf({ ...env, RAY_TLS_SERVER_CERT: old?.cert ?? "", RAY_TLS_SERVER_KEY: old?.key ?? "" }),
    ).toEqual([
      expect.stringMatching(/^RAY_TLS_SERVER_CERT: expected a valid certificate, got one that expired on 20/),
    ]);
  });

  test("no part of a key is in the message", async () => {
    const env = ours?.env(["ray-cpu"]) ?? {};
    const key = readFileSync(env.RAY_TLS_SERVER_KEY ?? "", "utf8");
    const said = await problemsOf({
      ...env,
      RAY_TLS_SERVER_CERT: env.RAY_TLS_SERVER_KEY ?? "",
      RAY_TLS_CA_CERT: "/no",
    });
    for (const line of key.split("\n").filter((each) => each !== "" && !each.startsWith("-----")))
      expect(said.join("\n")).not.toContain(line);
  });
});
