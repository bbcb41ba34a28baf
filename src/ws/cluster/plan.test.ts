import { expect, test } from "vitest";
import { renderPlan } from "../commands/up.ts";
import { readSettings } from "../config/settings.ts";
import { inOrder, isDisruptive, planUp, stepOf } from "./plan.ts";

const WANTED = ["health", "ray-cpu", "ray-gpu"];
const CHANGED = { action: "replace", why: "config.yaml changed" } as const;
const [health, cpu, gpu] = [{ name: "health" }, { name: "ray-cpu" }, { name: "ray-gpu" }];
const step = (
  one: typeof cpu,
  head: typeof cpu | undefined,
  change?: Parameters<typeof stepOf>[0]["change"],
  keepsState = false,
) => stepOf({ one, head, change, keepsState });
const keep = (service: typeof cpu) => step(service, cpu);

test("E2 a cluster that runs as it should keeps everything, and what is missing is started: neither asks", () => {
  expect(isDisruptive(planUp(WANTED, [health, cpu, gpu].map(keep)))).toBe(false);
  const missing = planUp(WANTED, [health, cpu].map(keep));
  expect(missing.map(({ action }) => action)).toEqual(["keep", "keep", "start"]);
  expect(isDisruptive(missing)).toBe(false);
  expect(isDisruptive(planUp(WANTED, []))).toBe(false);
});

test("E2 a HEAD that has to be replaced says that the whole cluster's state and jobs are lost", () => {
  const plan = planUp(WANTED, [keep(health), step(cpu, cpu, CHANGED), keep(gpu)]);
  expect(isDisruptive(plan)).toBe(true);
  expect(renderPlan(plan)).toEqual([
    "  ✓ keep     health",
    "  ✗ replace  ray-cpu  config.yaml changed",
    "      lost: the whole cluster's state and jobs, because it is the HEAD",
    "  ✓ keep     ray-gpu",
  ]);
});

test("a HEAD that keeps its cluster's state loses it only where it is stopped for good", () => {
  expect(step(cpu, cpu, CHANGED, true).lost).toBe(
    "the jobs and tasks that run, and before Ray 2.57 the cluster's state, because it is the HEAD",
  );
  expect(step(cpu, cpu, { action: "stop", why: "no longer wanted" }, true).lost).toContain(
    "the whole cluster's state and jobs",
  );
});

test("E2 a WORKER takes what runs on it, the health service nothing, and a node of unknown role may be the HEAD", () => {
  expect(step(gpu, cpu, CHANGED).lost).toBe("the tasks and actors that run on it");
  expect(step(health, cpu, CHANGED).lost).toBe("");
  expect(step(cpu, undefined, CHANGED).lost).toBe("the whole cluster's state and jobs, if it is the HEAD");
});

test("E8 services that are no longer wanted are named, with what is lost", () => {
  const stop = { action: "stop", why: "no longer wanted by config.yaml" } as const;
  const plan = planUp(["health", "ray-cpu"], [keep(health), keep(cpu), step(gpu, cpu, stop)]);
  expect(isDisruptive(plan)).toBe(true);
  expect(renderPlan(plan).slice(-2)).toEqual([
    "  ✗ stop     ray-gpu  no longer wanted by config.yaml",
    "      lost: the tasks and actors that run on it",
  ]);
});

test.each([
  ["the first candidate", "", { health: ["health"], first: ["ray-cpu"], rest: ["ray-gpu"] }],
  [
    "the first of a whitelist in another order",
    "nodes: { head_whitelist: [ray-gpu, ray-cpu] }",
    { health: ["health"], first: ["ray-gpu"], rest: ["ray-cpu"] },
  ],
  [
    "an explicit HEAD",
    "nodes: { head_address: 'ray-gpu:6380' }",
    { health: ["health"], first: ["ray-gpu"], rest: ["ray-cpu"] },
  ],
  [
    "nobody, where the HEAD is elsewhere",
    "nodes: { head_address: 'far-away:6379' }",
    { health: ["health"], first: [], rest: ["ray-cpu", "ray-gpu"] },
  ],
])("after the health service comes %s", (_, yaml, expected) => {
  const settings = readSettings(yaml);
  if (!settings.ok) throw new Error(JSON.stringify(settings.error));
  expect(inOrder(settings.value.settings, WANTED)).toEqual(expected);
});
