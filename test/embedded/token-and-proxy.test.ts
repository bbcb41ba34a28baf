import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { probeGcs } from "../../src/gcs/probe.ts";
import { freePorts } from "../fixtures/cluster/free-ports.ts";
import { realRay } from "../fixtures/cluster/real-ray.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "rep-ws-"));
const config = join(folder, "config.yaml");
const token = randomBytes(16).toString("hex");
/** Plays the shell's proxy: it never answers, and records each request. */
let asked = "";
const proxy = createServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    asked += bytes.toString("latin1");
    socket.destroy();
  });
});
let head: { host: string; port: number };
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  const venvs = resolve(await realRay(), "../..");
  const first = await freePorts(7);
  const ports = (from: number) => ({ head_port: from, dashboard_port: from + 1, client_port: from + 2 });
  head = { host: "127.48.0.3", port: first };
  writeFileSync(
    config,
    stringify({
      network: { subnet: "172.48.0.0/16" },
      cluster_test: { test_network_subnet: "172.49.0.0/24" },
      nodes: { health_service: { url: `http://health:${first + 6}` } },
      services: { health: { port: first + 6 }, ray: { cpu: ports(first), gpu: ports(first + 3) } },
    }),
  );
  await new Promise<void>((listening) => proxy.listen(0, "127.0.0.1", listening));
  const at = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  // The mode is not set: Ray's HEAD turns it on by itself.
  const { RAY_AUTH_MODE: _, ...shell } = process.env;
  const proxies = { http_proxy: at, HTTP_PROXY: at, NODE_USE_ENV_PROXY: "1" };
  env = { ...shell, ...proxies, WS_VENV_DIR: venvs, RAY_AUTH_TOKEN: token };
});

afterAll(async () => {
  const left = await ws("down", "-v");
  proxy.close();
  rmSync(folder, { recursive: true, force: true });
  expect(left.code, left.text).toBe(0);
});

function ws(...words: string[]): Promise<{ code: number; text: string }> {
  const args = ["--runtime", "embedded", "--config", config, "--state", join(folder, "state"), ...words];
  return new Promise((done) => {
    execFile(join(root, "ws"), args, { cwd: folder, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code), text: `${stdout}${stderr}` }),
    );
  });
}

test("C1 a token in the shell and no mode: both nodes and ws itself come to token mode", async () => {
  const up = await ws("up");
  expect(up.code, up.text).toBe(0);
  expect(up.text).toContain("2 nodes ALIVE");
  expect((await probeGcs(head, { token: null, timeoutMs: 5000 })).kind).toBe("unauthorized");
  expect((await probeGcs(head, { token, timeoutMs: 5000 })).kind).toBe("ray-gcs");
  const logs = await ws("logs");
  expect(logs.text.match(/✓ Ray requires a token: /g)).toHaveLength(2);
  expect(logs.text).not.toContain(token);
});

test("D3 http_proxy in the shell: nothing of ours asks it for our own addresses, and every check holds", async () => {
  const judged = await ws("test", "--up");
  expect(judged.code, judged.text).toBe(0);
  expect(asked).not.toMatch(/127\.48\.|localhost|health/);
});
