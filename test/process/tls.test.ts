import { type ChildProcess, spawn } from "node:child_process";
import { afterEach, beforeEach, expect, test } from "vitest";
import { probeGcs } from "../../src/gcs/probe.ts";
import { Certificates } from "../fixtures/certificates.ts";
import { eachRig } from "../fixtures/each-rig.ts";
import { FakeGcs } from "../fixtures/fake-gcs.ts";
import { until } from "../fixtures/until.ts";

const rig = eachRig();
let certificates: Certificates;
const running: { stop(): unknown }[] = [];

beforeEach(async () => {
  certificates = new Certificates(rig.folder);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});

/** Runs `openssl s_server` at the address of a candidate's GCS. */
async function sServer(host: string): Promise<void> {
  const { cert, key } = certificates.make([host]);
  const server: ChildProcess = spawn(
    "openssl",
    ["s_server", "-accept", `${host}:6379`, "-cert", cert, "-key", key, "-quiet"],
    {
      stdio: ["pipe", "ignore", "ignore"],
    },
  );
  running.push({ stop: () => server.kill("SIGKILL") });
  await until("openssl s_server", async () => {
    const seen = await probeGcs({ host, port: 6379 }, { token: null, timeoutMs: 1000 });
    return seen.kind === "tls";
  });
}

test.each([
  ["a node that speaks clear text", {}, "speaks TLS, and this node does not"],
  [
    "one that speaks TLS, with another certificate",
    { RAY_USE_TLS: "1" },
    "speaks TLS, but not with this node: ",
  ],
])("A8 candidate 1 answers TLS: no second HEAD, 78 and the way out, for %s", async (_, tls, words) => {
  await rig.health();
  await sServer(rig.host("ray-cpu"));
  const own = new Certificates(rig.empty);
  const gpu = rig.node("ray-gpu", "RAY_USE_TLS" in tls ? own.env([rig.host("ray-gpu")]) : {});
  expect(await gpu.exit()).toBe(78);
  expect(gpu.stdout).toContain(`→ ${rig.host("ray-cpu")}:6379 ${words}`);
  expect(gpu.stdout).toMatch(/✗ Exit code 78: .*RAY_USE_TLS.*/);
  expect(gpu.stdout).not.toContain("Mode: head");
  expect(rig.rays.runs).toEqual([]);
});

test("A8 candidate 1 serves in clear text, this node speaks TLS: no second HEAD either", async () => {
  await rig.health();
  const gcs = await FakeGcs.start({ host: rig.host("ray-cpu"), port: 6379 });
  running.push(gcs);
  const gpu = rig.node("ray-gpu", certificates.env([rig.host("ray-gpu")]));
  expect(await gpu.exit()).toBe(78);
  expect(gpu.stdout).toContain("is a Ray GCS without TLS, and this node speaks TLS");
  expect(rig.rays.runs).toEqual([]);
});

test("A8 RAY_USE_TLS without certificates that can be read or that fit: 78 with every problem", async () => {
  const { cert } = certificates.make(["ray-cpu"]);
  const { key } = certificates.make(["ray-gpu"]);
  const cpu = rig.node("ray-cpu", {
    RAY_USE_TLS: "true",
    RAY_TLS_SERVER_CERT: cert,
    RAY_TLS_SERVER_KEY: key,
    RAY_TLS_CA_CERT: "/no/such/ca.crt",
    RAY_HEAD_PORT: "63x9",
  });
  expect(await cpu.exit()).toBe(78);
  for (const words of [
    "✗ RAY_HEAD_PORT: expected",
    "✗ RAY_TLS_CA_CERT: expected a file, since RAY_USE_TLS is set, got /no/such/ca.crt",
    "✗ RAY_TLS_SERVER_KEY: expected the key of the certificate in RAY_TLS_SERVER_CERT",
    "✗ Exit code 78: The environment is wrong: 3 problems",
  ])
    expect(cpu.stderr).toContain(words);
});
