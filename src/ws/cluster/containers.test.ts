import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { LivingEngine } from "../../../test/fixtures/docker/living-engine.ts";
import { FakeGcs, fakeNode } from "../../../test/fixtures/fake-gcs.ts";
import { ok } from "../../common/result.ts";
import { readLogs } from "../commands/logs.ts";
import { readSettings } from "../config/settings.ts";
import { composeDriver } from "../drivers/compose/driver.ts";
import type { Driver } from "../drivers/driver.ts";
import { downCluster, stopTest } from "./down.ts";
import type { UpPlan } from "./plan.ts";
import { confirmAlive } from "./status.ts";
import { startTest, upCluster } from "./up.ts";

// The ports are the test's own.
vi.mock("../compose/read-host.ts", async (original) => ({
  ...(await original<object>()),
  readListeningPorts: () => new Set(),
}));

const none = () => {};
const { signal } = new AbortController();

/** A cluster on an engine that remembers its containers, with a health service and a GCS that lists those that run. */
async function living() {
  const folder = mkdtempSync(join(tmpdir(), "ws-living-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const gcs = await FakeGcs.start();
  onTestFinished(() => gcs.stop());
  const health = createServer((_, response) => response.end("{}"));
  await new Promise<void>((done) => health.listen(0, "127.0.0.1", done));
  onTestFinished(() => void health.close());
  const { port } = gcs.address;
  const engine = new LivingEngine(folder, { "ray-cpu": port, "ray-gpu": port + 1 });
  const silent: string[] = [];
  /** A node for each life of a container. */
  const nodes = () =>
    engine.containers
      .filter(
        (each) => each.status === "running" && each.service !== "health" && !silent.includes(each.service),
      )
      .map(({ service, id, starts }) => {
        const nodeId = `ff${id.slice(12)}${starts.toString(16).padStart(2, "0")}`;
        return fakeNode(service, { nodeId, isHead: service === "ray-cpu" });
      });
  Object.defineProperty(gcs, "nodes", { get: nodes });
  const read = readSettings(`
host: { ip_address: 192.0.2.7 }
project: { name: p }
services:
  health: { port: ${(health.address() as AddressInfo).port} }
  ray: { image: base, cpu: { head_port: ${port} }, gpu: { head_port: ${port + 1} } }
`);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  const project = {
    settings: read.value.settings,
    env: {},
    secrets: {},
    stateDir: join(folder, ".ws"),
    configFile: join(folder, "config.yaml"),
    configFolder: folder,
    root: folder,
    engine,
  };
  const said: string[] = [];
  const say = (_: string, text: string) => void said.push(text);
  const progress = { begin: say, note: none, say, done: say, fail: say, close: none };
  const job = { progress, signal, urgent: signal, timeoutMs: 30_000 };
  const plans: UpPlan[] = [];
  const up = (driver = composeDriver(project), timeoutMs = job.timeoutMs) => {
    const agree = async (plan: UpPlan) => {
      plans.push(plan);
      return ok(undefined);
    };
    return upCluster(driver, { ...job, timeoutMs }, { build: false, agree, begin: none });
  };
  return { engine, silent, project, driver: composeDriver(project), job, said, plans, up };
}

const MAIN = "compose up --no-start --no-build health ray-cpu ray-gpu";
const STARTS = ["start p-health", "start p-ray-cpu", "start p-ray-gpu"];

test("containers come up in order, stay as they are, are replaced in part and go in order", async () => {
  const { engine, driver, job, plans, up } = await living();
  const all = ["health", "ray-cpu", "ray-gpu"];
  expect(await up()).toMatchObject({ ok: true, value: { started: all } });
  expect(await confirmAlive(driver)).toMatchObject({ ok: true, value: { head: { node: "ray-cpu" } } });
  expect(engine.did()).toEqual(["compose build health ray-cpu", MAIN, ...STARTS]);
  expect(engine.seen).toEqual(all.map((name) => `${name} running`));

  expect(await up()).toMatchObject({ value: { started: [] } });
  expect(plans.at(-1)?.map(({ action }) => action)).toEqual(["keep", "keep", "keep"]);
  expect(engine.did()).toEqual([MAIN, ...STARTS]);

  engine.hashes = { "ray-cpu": "b" };
  expect(await up()).toMatchObject({ value: { started: ["ray-cpu"] } });
  expect(plans.at(-1)).toContainEqual({
    service: "ray-cpu",
    action: "replace",
    why: "config.yaml, ws or the shell's tokens changed since it was started",
    lost: "the jobs and tasks that run, and before Ray 2.57 the cluster's state, because it is the HEAD",
  });
  expect(engine.did()).toEqual(["stop #2", "rm --force --volumes #2", MAIN, ...STARTS]);

  const options = { volumes: true, anyFolder: false };
  expect(await downCluster(driver, job, options)).toMatchObject({
    value: { stopped: [...all.slice(0, 1), "ray-gpu", "ray-cpu"] },
  });
  expect(engine.did()).toEqual(["stop #3", "stop #4", "stop #1", "rm --force --volumes #1 #3 #4"]);
  expect(await downCluster(driver, job, options)).toEqual(ok({ stopped: [], killed: 0 }));
});

test("what was started is taken down where a node does not become ALIVE, and its log is kept", async () => {
  const { engine, silent, driver, project, said, up } = await living();
  silent.push("ray-gpu");
  expect(await up(driver, 1500)).toMatchObject({
    error: {
      reason: "not-ready-in-time",
      missing: [{ node: "ray-gpu", why: "the GCS does not list it yet" }],
    },
  });
  expect(said.slice(-2)).toEqual(["Taking down what was started", "Took down what was started"]);
  expect(engine.seen).toEqual([]);
  expect(readFileSync(join(project.stateDir, "docker/logs/ray-gpu.log"), "utf8")).toBe(
    "✗ No HEAD after 5 s\n",
  );
  const request = { follow: false, tail: undefined };
  const texts: string[] = [];
  await readLogs(driver, ["ray-gpu"], request, signal, (_, { text }) => texts.push(text));
  expect(texts).toEqual([expect.stringMatching(/^→ Its container is gone/), "✗ No HEAD after 5 s"]);
});

test("a node is up when the GCS lists it as ALIVE, without another look at its container", async () => {
  const { engine, silent, driver, job, up } = await living();
  silent.push("ray-gpu");
  const lacks = vi.spyOn(job.progress, "note");
  const patient = (each: Driver): Driver => ({
    ...each,
    lookEveryMs: 60_000,
    until: (signal) => patient(each.until(signal)),
  });
  const starting = up(patient(driver));
  await vi.waitFor(
    () => expect(lacks).toHaveBeenCalledWith("ray-gpu", "the GCS does not list it yet"),
    20_000,
  );
  const { looks } = engine;
  silent.pop();
  expect(await starting).toMatchObject({ ok: true });
  expect(engine.looks).toBe(looks);
});

test.each([
  ["ends", "ray-gpu exited", "exit code 0"],
  ["is removed", "", "its container was removed meanwhile"],
])("a container that %s while ws waits is named at once", async (_, left, how) => {
  const { engine, silent, up } = await living();
  silent.push("ray-gpu");
  const starting = up();
  const gpu = () => engine.containers.find(({ service }) => service === "ray-gpu");
  await vi.waitFor(() => expect(gpu()?.status).toBe("running"), 20_000);
  if (left === "") engine.containers = engine.containers.filter((each) => each !== gpu());
  else Object.assign(gpu() ?? {}, { status: "exited" });
  expect(await starting).toMatchObject({ error: { reason: "node-ended", node: "ray-gpu", how } });
  expect(engine.seen).toEqual([]);
});

test("a cluster under an earlier project.name is stopped as a whole before the new one starts", async () => {
  const { engine, project, plans, said, up } = await living();
  expect((await up()).ok).toBe(true);
  const settings = { ...project.settings, projectName: "renamed" };
  const renamed = await up(composeDriver({ ...project, settings, formerProject: "p" }));
  expect(renamed.ok).toBe(true);
  expect(plans.at(-1)?.map(({ action, service }) => `${action} ${service}`)).toEqual([
    ...["p-health", "p-ray-cpu", "p-ray-gpu"].map((name) => `stop ${name}`),
    ...["health", "ray-cpu", "ray-gpu"].map((name) => `start ${name}`),
  ]);
  expect(plans.at(-1)?.[0]?.why).toBe("project.name was p when it was started");
  expect(said).toContain("Stopped the cluster p");
  expect(engine.containers.map((each) => each.project)).toEqual(["renamed", "renamed", "renamed"]);
});

test("the test worker and the test client are made beside the cluster, replaced where they are told otherwise, and go alone", async () => {
  const { engine, driver, job, up } = await living();
  expect(await startTest(driver, job)).toMatchObject({ error: { reason: "not-running" } });
  await up();
  engine.did();
  const two = ["test-ray-worker", "test-ray-client"];
  const made = [
    `compose up --no-start --no-build ${two.join(" ")}`,
    "start p-test-worker",
    "start p-test-client",
  ];
  expect(await startTest(driver, job)).toEqual(ok(two));
  expect(await startTest(driver, job)).toEqual(ok([]));
  expect(engine.did()).toEqual([...made, ...made]);
  engine.hashes = { "test-ray-worker": "b" };
  expect(await startTest(driver, job)).toEqual(ok(["test-ray-worker"]));
  expect(engine.did()).toEqual(["stop #4", "rm --force --volumes #4", ...made]);
  expect(await stopTest(driver, job)).toMatchObject({
    value: { stopped: ["test-ray-client", "test-ray-worker"] },
  });
  expect(engine.did()).toEqual(["stop #5 #6", "rm --force --volumes #5 #6"]);
});
