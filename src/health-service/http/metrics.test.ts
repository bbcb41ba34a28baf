import { expect, test } from "vitest";
import { statusOf } from "../../../test/fixtures/status.ts";
import { readEnvironment } from "../../common/environment.ts";
import { VARIABLES } from "../config.ts";
import type { Event } from "../event.ts";
import { History } from "../history/history.ts";
import { Service } from "../service.ts";
import { renderMetrics } from "./metrics.ts";
import { prometheusTargets } from "./targets.ts";

/** A service whose clock the test moves. */
function serve() {
  const clock = { nowMs: 1000 };
  const history = new History();
  const config = readEnvironment(VARIABLES, {}).values;
  const around = {
    now: () => clock.nowMs,
    pause: async () => true,
    log: (event: Event) => history.hear(event),
  };
  const memory = { file: null, recalled: { kind: "none" } } as const;
  const service = new Service({ version: "1.2.3", instance: "run-1", config, history, ...memory, ...around });
  const ask = (node: string, epoch: number | null = null) =>
    service.ask(
      {
        node,
        life: `${node}-1`,
        address: `${node}:6379`,
        clusterId: "ab",
        epoch,
        others: "answered",
        strict: false,
      },
      "10.0.0.9",
    );
  const report = (node: string, restarts = 0) => {
    const alive = { address: "10.0.0.2", cpus: 1, gpus: 0, memory: 1, objectStore: 1, metricsPort: 20_005 };
    const fault = { reason: "raylet-gone", at: 1 };
    const where = { head: null, advertise: null, nodeManagerPort: null };
    const status = { ...statusOf(node, []), restarts, fault, alive };
    return service.report(
      node,
      { life: `${node}-1`, role: "worker", state: "watching", ...where, status },
      "10.0.0.9",
    );
  };
  const metric = (name: string) =>
    [...renderMetrics(service).matchAll(new RegExp(`^ray_ep_${name}(\\S*) (.*)$`, "gm"))].map(
      ([, labels, value]) => `${labels} ${value}`.trim(),
    );
  return { clock, service, ask, report, metric };
}

test("how long there is no HEAD, how often the lead moved, and renewals that came late", async () => {
  const { clock, service, ask, metric } = serve();
  clock.nowMs += 3000;
  expect([metric("head_present"), metric("headless_seconds")]).toEqual([["0"], ["3"]]);
  await ask("cpu");
  expect([metric("head_present"), metric("headless_seconds")]).toEqual([["1"], ["0"]]);
  clock.nowMs += 2000;
  await ask("cpu", 1);
  expect(metric("lease_renewals_late_total")).toEqual(["0"]);
  clock.nowMs += 6000;
  await ask("cpu", 1);
  expect(metric("lease_renewals_late_total")).toEqual(["1"]);
  clock.nowMs += 16_000;
  service.look();
  clock.nowMs += 4000;
  expect([metric("head_present"), metric("headless_seconds")]).toEqual([["0"], ["4"]]);
  await ask("gpu");
  expect([metric("takeovers_total"), metric("lease_epoch")]).toEqual([["1"], ["2"]]);
});

test("restarts and silence by node, and where Ray's metrics are of those that are ALIVE", async () => {
  const { clock, service, report, metric } = serve();
  await report("cpu");
  await report("gpu");
  await report("cpu", 1);
  expect(metric("node_restarts_total")).toEqual(['{reason="raylet-gone"} 1']);
  const labels = { ray_node: "cpu", ray_role: "worker" };
  expect(prometheusTargets(service.nodes())[0]).toEqual({ targets: ["10.0.0.2:20005"], labels });
  clock.nowMs += 7000;
  await report("cpu", 1);
  service.look();
  expect(metric("nodes_by_state").toSorted()).toEqual(['{state="silent"} 1', '{state="watching"} 1']);
  expect(prometheusTargets(service.nodes()).map(({ labels: { ray_node } }) => ray_node)).toEqual(["cpu"]);
});

test("listeners hear of what changes, and not of a report that says the same", async () => {
  const { clock, service, report } = serve();
  await report("cpu");
  service.look();
  let changes = 0;
  service.onChange(() => void changes++);
  clock.nowMs += 2000;
  await report("cpu");
  service.look();
  expect(changes).toBe(0);
  await report("cpu", 1);
  expect(changes).toBeGreaterThan(0);
  clock.nowMs += 60_000;
  changes = 0;
  service.look();
  expect(changes).toBeGreaterThan(0);
});
