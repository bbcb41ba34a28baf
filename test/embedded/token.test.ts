import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { formatAddress } from "../../src/common/address.ts";
import { probeGcs } from "../../src/gcs/probe.ts";
import { readKept } from "../../src/ws/state/secrets.ts";
import { EmbeddedWs } from "../fixtures/cluster/embedded-ws.ts";
import { type OddServer, tcp } from "../fixtures/servers.ts";

/** A cluster that requires a token, seen from shells with a proxy, most of them without the token. */
const cluster = new EmbeddedWs();
const token = randomBytes(16).toString("hex");
const said: string[] = [];
/** Plays the shell's proxy: it never answers, and records each request. */
let asked = "";
let proxy: OddServer;
beforeAll(async () => {
  proxy = await tcp((socket) =>
    socket.on("data", (bytes) => {
      asked += bytes.toString("latin1");
      socket.destroy();
    }),
  );
});
afterAll(() => proxy.stop());

async function ws(words: string[], env: Record<string, string | undefined> = {}) {
  const at = `http://${formatAddress(proxy.address)}`;
  const shell = { http_proxy: at, HTTP_PROXY: at, NODE_USE_ENV_PROXY: "1", ...env };
  const run = await cluster.ws(words, shell);
  said.push(run.text);
  return run;
}

const gcs = async (with_: string | null) =>
  (await probeGcs(cluster.headAddress, { token: with_, timeoutMs: 5000 })).kind;

/** The node ids do not change unless something is recreated. */
async function pids(): Promise<string> {
  const { code, text, out } = await ws(["ps", "--json"]);
  expect(code, text).toBe(0);
  const { services } = JSON.parse(out) as { services: { name: string; state: string; pid: number }[] };
  return services.map(({ name, state, pid }) => `${name} ${state} ${pid}`).join(", ");
}

test("E1 a start that fails by what it was given leaves nothing of it behind", async () => {
  const { code, text } = await ws(["up"], { RAY_EP_HEALTH_TOKEN: "a b" });
  expect(code, text).toBe(75);
  expect(readKept(cluster.state, "embedded")).toBeUndefined();
});

test("C1 a token in the shell and no mode: both nodes and ws itself come to token mode, as Ray's HEAD does", async () => {
  const up = await ws(["up"], { RAY_AUTH_TOKEN: token, RAY_AUTH_MODE: undefined });
  expect(up.code, up.text).toBe(0);
  expect(up.text).toContain("2 nodes ALIVE");
  expect(await gcs(null)).toBe("unauthorized");
  expect(await gcs(token)).toBe("ray-gcs");
  const logs = await ws(["logs"]);
  expect(logs.text.match(/✓ Ray requires a token: /g)).toHaveLength(2);
});

test("E1 what a cluster was started with is used in every later shell", async () => {
  const before = await pids();
  expect(before).toMatch(/^health up \d+, ray-cpu ALIVE \d+, ray-gpu ALIVE \d+$/);
  const again = await ws(["up"]);
  expect(again.code, again.text).toBe(0);
  expect(again.text).toContain("nothing was changed");
  expect(await pids()).toBe(before);
  expect(await gcs(null)).toBe("unauthorized");

  const doctor = await ws(["doctor"]);
  expect(doctor.text).toContain("✓ ray-gpu: WORKER, ALIVE");
  expect(doctor.text).toContain(`✓ HEAD: one, at ${cluster.headAddress.host}:`);
});

test("B4 the health service requires the token that ws made for it", async () => {
  const answer = await fetch(`${cluster.healthUrl}/v1/head`, {
    method: "DELETE",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  expect(answer.status).toBe(401);
});

test("E1 the cluster test holds every line in a shell without the token", async () => {
  const judged = await ws(["test", "--up"]);
  expect(judged.code, judged.text).toBe(0);
  expect((await ws(["test", "--down"])).code).toBe(0);
});

test("E1 without the kept secrets ws says that the cluster refuses it, and changes nothing", async () => {
  const before = await pids();
  const secrets = join(cluster.state, "secrets");
  renameSync(secrets, `${secrets}.away`);
  const ps = await ws(["ps"]);
  expect(ps.code).toBe(1);
  expect(ps.text).toContain(`✗ The cluster requires a token: the GCS at ${cluster.headAddress.host}:`);
  expect(ps.text).not.toContain("Start the cluster");
  const up = await ws(["up"]);
  expect(up.code, up.text).toBe(78);
  renameSync(`${secrets}.away`, secrets);
  expect(await pids()).toBe(before);
});

test("E1 the token is in no output and in no process list", () => {
  const lists = readdirSync("/proc").flatMap((pid) => {
    try {
      const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, "utf8");
      return /^\d+$/.test(pid) ? [read("cmdline"), read("environ")] : [];
    } catch {
      return [];
    }
  });
  const secrets = Object.values(readKept(cluster.state, "embedded") ?? {});
  expect(secrets).toHaveLength(2);
  expect(secrets).toContain(token);
  for (const secret of secrets) {
    expect(said.some((text) => text.includes(secret))).toBe(false);
    expect(lists.some((text) => text.includes(secret))).toBe(false);
  }
});

test("D3 http_proxy in the shell: in all of this nothing of ours asked it for our own addresses", () => {
  expect(asked).not.toMatch(/127\.\d+\.0\.|localhost|health/);
});
