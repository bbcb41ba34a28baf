import { expect, test } from "vitest";
import { readConfig } from "./read-config.ts";

const FILES: Readonly<Record<string, string>> = { "/token": "s3cret\n", "/two": "s3cret\ns3cret\n" };
const read = (env: Record<string, string>) => readConfig(env, (file) => FILES[file] ?? null);

test("without any setting it listens on all addresses, port 8080, with a lease of 15 s", () => {
  expect(read({})).toMatchObject({
    ok: true,
    value: { RAY_EP_HEALTH_HOST: "0.0.0.0", RAY_EP_HEALTH_PORT: 8080, RAY_EP_LEASE_TTL: 15_000 },
  });
});

test.each(["1", "2", "11.9"])("a lease of %s s is refused: a holder may go on for longer", (seconds) => {
  expect(read({ RAY_EP_LEASE_TTL: seconds })).toMatchObject({
    ok: false,
    error: [{ where: "RAY_EP_LEASE_TTL", problem: expect.stringContaining("at least 12 seconds") }],
  });
});

test("a lease of 12 s is the shortest", () => {
  expect(read({ RAY_EP_LEASE_TTL: "12" })).toMatchObject({ ok: true, value: { RAY_EP_LEASE_TTL: 12_000 } });
});

test("the token is in its variable or in a file, not in both", () => {
  const token = { RAY_EP_HEALTH_TOKEN: "given" };
  const file = { RAY_EP_HEALTH_TOKEN_FILE: "/token" };
  expect([read({}), read(token), read(file)]).toMatchObject([
    { value: { RAY_EP_HEALTH_TOKEN: null } },
    { value: { RAY_EP_HEALTH_TOKEN: "given" } },
    { value: { RAY_EP_HEALTH_TOKEN: "s3cret" } },
  ]);
  const where = "RAY_EP_HEALTH_TOKEN, RAY_EP_HEALTH_TOKEN_FILE";
  expect(read({ ...token, ...file })).toMatchObject({ ok: false, error: [{ where }] });
});

test.each(["/nothing", "/two"])("a file without one token, such as %s, is a problem", (path) => {
  const answer = read({ RAY_EP_HEALTH_TOKEN_FILE: path });
  expect(answer).toMatchObject({ ok: false, error: [{ where: "RAY_EP_HEALTH_TOKEN_FILE" }] });
  expect(JSON.stringify(answer)).not.toContain("s3cret");
});

test("a cluster of members needs an address for them, and decides candidates and credentials itself", () => {
  const cluster = { RAY_EP_CLUSTER_DIR: "/cluster", RAY_EP_HEALTH_ADVERTISE: "10.77.0.1:8443" };
  const advertise = { host: "10.77.0.1", port: 8443 };
  expect(read(cluster)).toMatchObject({
    ok: true,
    value: { RAY_EP_HEALTH_ADVERTISE: advertise, RAY_EP_HEALTH_TLS_PORT: 8443, RAY_EP_CLUSTER_NAME: "ray" },
  });
  const wrong = { RAY_EP_CLUSTER_DIR: "/cluster", HEAD_WHITELIST: "cpu", RAY_EP_HEALTH_TOKEN: "s3cret" };
  const where = ["HEAD_WHITELIST", "RAY_EP_HEALTH_TOKEN", "RAY_EP_HEALTH_ADVERTISE"];
  expect(read(wrong)).toMatchObject({ ok: false, error: where.map((each) => ({ where: each })) });
});

test("the store is a folder, or an etcd, over TLS where its CA is given", () => {
  const etcd = { RAY_EP_HEALTH_STORE: "etcd://m1:2379,m2:2379" };
  const keys = {
    RAY_EP_HEALTH_STORE_CA: "/ca",
    RAY_EP_HEALTH_STORE_CERT: "/cert",
    RAY_EP_HEALTH_STORE_KEY: "/key",
  };
  const members = ["m1", "m2"].map((host) => ({ host, port: 2379 }));
  expect(read({ RAY_EP_HEALTH_STORE: "file:/state" })).toMatchObject({
    value: { RAY_EP_HEALTH_STORE: { folder: "/state" } },
  });
  for (const more of [{}, keys, { RAY_EP_HEALTH_STORE_CA: "/ca" }])
    expect(read({ ...etcd, ...more })).toMatchObject({ value: { RAY_EP_HEALTH_STORE: { etcd: members } } });
});

test.each([
  ["expected file:/FOLDER or etcd://host:port,host:port", { RAY_EP_HEALTH_STORE: "redis://m1" }],
  ["without a port", { RAY_EP_HEALTH_STORE: "etcd://m1" }],
  ["expected at least one address", { RAY_EP_HEALTH_STORE: "etcd://," }],
  ["expected a path from the root", { RAY_EP_HEALTH_STORE: "file:state" }],
  ["got two", { RAY_EP_HEALTH_STORE: "file:/a", RAY_EP_HEALTH_STATE_DIR: "/b" }],
  ["expected the CA beside etcd://", { RAY_EP_HEALTH_STORE_CA: "/ca" }],
  ["a certificate with its key", { RAY_EP_HEALTH_STORE: "etcd://m:1", RAY_EP_HEALTH_STORE_CERT: "/c" }],
])("a store is refused: %s", (problem, env: Record<string, string>) => {
  expect(read(env)).toMatchObject({ ok: false, error: [{ problem: expect.stringContaining(problem) }] });
});

test("members share no store yet", () => {
  const cluster = { RAY_EP_CLUSTER_DIR: "/cluster", RAY_EP_HEALTH_ADVERTISE: "10.77.0.1:8443" };
  expect(read({ ...cluster, RAY_EP_HEALTH_STORE: "etcd://m:2379" })).toMatchObject({
    ok: false,
    error: [{ where: "RAY_EP_HEALTH_STORE" }],
  });
});
