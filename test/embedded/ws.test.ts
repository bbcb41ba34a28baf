import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { freePorts } from "../fixtures/cluster/free-ports.ts";
import { realRay } from "../fixtures/cluster/real-ray.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "rep-ws-"));
const config = join(folder, "config.yaml");
let venvs: string;

interface Run {
  readonly code: number;
  readonly text: string;
}

/** Types `./ws …` in a folder that is not the checkout. */
function ws(...words: string[]): Promise<Run> {
  const args = ["--runtime", "embedded", "--config", config, "--state", join(folder, "state"), ...words];
  const env = { ...process.env, WS_VENV_DIR: venvs };
  return new Promise((done) => {
    execFile(join(root, "ws"), args, { cwd: folder, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code);
      done({ code, text: `${stdout}${stderr}` });
    });
  });
}

/** The specification's cluster, on addresses and ports beside those of a cluster that a user may have up. */
beforeAll(async () => {
  venvs = resolve(await realRay(), "../..");
  const first = await freePorts(8);
  const [head, dashboard, client, gpuHead, gpuDashboard, gpuClient, health] = Array.from(
    { length: 7 },
    (_, i) => first + i,
  );
  const ports = { head_port: head, dashboard_port: dashboard, client_port: client };
  const gpuPorts = { head_port: gpuHead, dashboard_port: gpuDashboard, client_port: gpuClient };
  const services = { health: { port: health }, ray: { cpu: ports, gpu: gpuPorts } };
  const nodes = { health_service: { url: `http://health:${health}` } };
  writeFileSync(
    config,
    stringify({
      network: { subnet: "172.44.0.0/16" },
      cluster_test: { test_network_subnet: "172.45.0.0/24" },
      nodes,
      services,
    }),
  );
});

afterAll(async () => {
  const left = await ws("down", "-v");
  rmSync(folder, { recursive: true, force: true });
  expect(left.code, left.text).toBe(0);
});

const processesOfOurs = (): string[] =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(folder);
    } catch {
      return false;
    }
  });

test("up brings the specification's cluster, and the same command again changes nothing", async () => {
  const up = await ws("up");
  expect(up.code, up.text).toBe(0);
  expect(up.text).toContain("✓ The cluster is up. 2 nodes ALIVE, 8 CPUs: ray-cpu (HEAD), ray-gpu (WORKER)");

  const again = await ws("up");
  expect(again.code, again.text).toBe(0);
  expect(again.text).toContain("nothing was changed");

  const ps = await ws("ps", "--json");
  const { services } = JSON.parse(ps.text);
  expect(services.map((each: { name: string; role: string }) => [each.name, each.role])).toEqual([
    ["health", "health"],
    ["ray-cpu", "head"],
    ["ray-gpu", "worker"],
  ]);
});

test("test --up holds every line of the checklist: scenarios 1, 2 and 3", async () => {
  const judged = await ws("test", "--up");
  expect(judged.code, judged.text).toBe(0);
  expect(judged.text).not.toMatch(/^\s*✗/m);
  expect(judged.text).toContain("Mode: worker");
  expect(judged.text).toContain("✓ Ray client connected");
  expect(judged.text).toContain("3 active nodes, expected 3");

  const down = await ws("test", "--down");
  expect(down.code, down.text).toBe(0);
  expect(down.text).toContain("test-ray-worker, test-ray-client");
});

test("the judge says ✗ and exits 1 when a line does not hold", async () => {
  const judged = await ws("test", "--up", "--head", "ray-cpu:1", "--timeout", "20");
  expect(judged.code, judged.text).not.toBe(0);
  expect(judged.text).toContain("✗");
  await ws("test", "--down");
});

test("down leaves nothing, and twice is fine", async () => {
  const down = await ws("down");
  expect(down.code, down.text).toBe(0);
  expect(processesOfOurs()).toEqual([]);

  const again = await ws("down");
  expect(again.code, again.text).toBe(0);
  expect(again.text).toContain("Nothing was running");
  expect(existsSync(join(folder, "state/embedded/state.json"))).toBe(false);
});
