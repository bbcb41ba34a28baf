import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { freePorts } from "../fixtures/cluster/free-ports.ts";
import { realRay } from "../fixtures/cluster/real-ray.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "rep-plan-"));
const config = join(folder, "config.yaml");
let venvs: string;
let ports: number;
/** Two at once, on a cluster that never was. */
let ups: { code: number | undefined; text: string }[];

const place = (state = "state") => [
  "--runtime",
  "embedded",
  "--config",
  config,
  "--state",
  join(folder, state),
];

/** With an answer: on a terminal, made by script(1). */
async function ws(words: readonly string[], { state, answer }: { state?: string; answer?: string } = {}) {
  const command = [join(root, "ws"), ...place(state), ...words];
  const typed = ["script", "-qec", command.join(" "), "/dev/null"];
  const [file = "", ...rest] = answer === undefined ? command : typed;
  const running = execa(file, rest, {
    cwd: folder,
    env: { WS_VENV_DIR: venvs },
    all: true,
    reject: false,
    timeout: 120_000,
  });
  let seen = "";
  running.all.on("data", (chunk) => {
    seen += chunk;
    // A Ctrl-C that is typed before the terminal is somebody's is lost.
    if (answer !== undefined && seen.includes("[y/N]")) running.stdin.end(answer);
  });
  const { exitCode, all } = await running;
  // A terminal gets colours.
  return { code: exitCode, text: stripVTControlCharacters(all) };
}

/** One node and the health service, on addresses and ports beside those of a cluster that a user may have up. */
function configure({ cpus = 1, name = "plan", gpu = false }): void {
  const own = (first: number) => ({
    head_port: first,
    dashboard_port: first + 1,
    client_port: first + 2,
    cpus: 1,
  });
  writeFileSync(
    config,
    stringify({
      project: { name },
      network: { subnet: "172.46.0.0/16" },
      cluster_test: { test_network_subnet: "172.47.0.0/24" },
      services: {
        health: { port: ports + 6 },
        ray: {
          cpu: { ...own(ports), cpus, memory: "1g" },
          gpu: { ...own(ports + 3), memory: "1g", enabled: gpu },
        },
      },
    }),
  );
}

beforeAll(async () => {
  venvs = resolve(await realRay(), "../..");
  ports = await freePorts(8);
  configure({ gpu: true });
  ups = await Promise.all([ws(["up"]), ws(["up"])]);
});

afterAll(async () => {
  const left = await ws(["down", "-v"]);
  rmSync(folder, { recursive: true, force: true });
  expect(left.code, left.text).toBe(0);
});

const pids = (): number[] =>
  JSON.parse(readFileSync(join(folder, "state/embedded/state.json"), "utf8")).processes.map(
    ({ pid }: { pid: number }) => pid,
  );

test("D15 of two ws up at once the second waits, and both mean one cluster with one health token", () => {
  for (const { code, text } of ups) expect(code, text).toBe(0);
  expect(ups.filter(({ text }) => text.includes("nothing was changed"))).toHaveLength(1);
  const kept = readFileSync(join(folder, "state/secrets/embedded.env"), "utf8");
  const tokens = pids().map((pid) =>
    readFileSync(`/proc/${pid}/environ`, "utf8")
      .split("\0")
      .find((each) => each.startsWith("RAY_EP_HEALTH_TOKEN=")),
  );
  expect(tokens).toHaveLength(3);
  for (const each of tokens) expect(kept).toContain(each?.replace("=", "='"));
});

test("E2 up says that it would replace the HEAD and what is lost, asks on a terminal, and needs --yes elsewhere", async () => {
  const before = pids();
  configure({ gpu: true, cpus: 2 });
  const plan = await ws(["up", "--dry-run"]);
  expect(plan.code, plan.text).toBe(0);
  expect(plan.text).toMatch(
    /✗ replace {2}ray-cpu {2}config\.yaml \(or ws itself\) changed since it was started/,
  );
  expect(plan.text).toContain("lost: the whole cluster's state and jobs, because it is the HEAD");
  expect(plan.text).toMatch(/✓ keep {5}ray-gpu/);
  const refused = await ws(["up"]);
  expect(refused.code, refused.text).toBe(2);
  expect(refused.text).toContain("✗ Nothing was changed");
  const no = await ws(["up"], { answer: "n\n" });
  expect(no.code, no.text).toBe(2);
  expect(no.text).toContain("Go on? [y/N]");
  expect((await ws(["up"], { answer: "\u0003" })).code).toBe(130);
  expect(pids()).toEqual(before);
});

test("E4 another project.name is the same cluster for up and ps", async () => {
  configure({ gpu: true, name: "renamed" });
  const up = await ws(["up"]);
  expect(up.code, up.text).toBe(0);
  expect(up.text).toContain("nothing was changed");
  expect((await ws(["ps"])).code).toBe(0);
});

test("E10 a second cluster on the same addresses is told which cluster has them, and how to end it", async () => {
  const up = await ws(["up"], { state: "second" });
  expect(up.code, up.text).toBe(75);
  expect(up.text).toContain(
    `is held by ray-cpu of another cluster, which ws --state ${join(folder, "state")} down ends`,
  );
  expect((await ws(["up", "--dry-run"], { state: "second" })).code).toBe(75);
});

test("E8 a node that is switched off is stopped when the user agrees on a terminal", async () => {
  configure({});
  const up = await ws(["up"], { answer: "y\n" });
  expect(up.code, up.text).toBe(0);
  expect(up.text).toMatch(/✗ stop {5}ray-gpu {2}config\.yaml no longer asks for it/);
  expect(up.text).toContain("1 nodes ALIVE");
  expect(pids()).toHaveLength(2);
});
