import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freePort } from "../fixtures/health-service-process.ts";
import { leftOut } from "../fixtures/lab.ts";
import { Rig } from "../fixtures/rig.ts";
import { Running } from "../fixtures/running.ts";
import { until } from "../fixtures/until.ts";

const noPrometheus = leftOut(spawnSync("promtool", ["--version"]).status === 0);

let rig: Rig;
let prometheus: Running | undefined;
beforeEach(async () => {
  rig = await new Rig().open();
});
afterEach(async () => {
  if (prometheus?.running) prometheus.signal("SIGKILL");
  await prometheus?.exit();
  await rig.close();
});

const at = (path: string) => `http://${rig.healthHost}:8080${path}`;

/** A HEAD and a WORKER that are ALIVE. */
async function cluster(): Promise<void> {
  await rig.health();
  await rig.node("ray-cpu").says("✓ Ray cluster is ready!");
  await rig.node("ray-gpu").says("✓ Ray worker successfully joined the cluster!");
}

describe.skipIf(noPrometheus)("Debian's Prometheus", () => {
  test("has nothing against the names, the units and the help of the metrics", async () => {
    await cluster();
    const input = await until("both nodes", async () => {
      const text = await (await fetch(at("/metrics"))).text();
      return text.includes('ray_ep_nodes_by_state{state="watching"} 2') ? text : undefined;
    });
    expect(execFileSync("promtool", ["check", "metrics"], { input, encoding: "utf8" })).toBe("");
  });

  test("scrapes the service, and finds Ray's metrics of every node by it", async () => {
    await cluster();
    const folder = join(rig.folder, "prometheus");
    mkdirSync(folder);
    const file = join(folder, "prometheus.yml");
    writeFileSync(
      file,
      `global: { scrape_interval: 1s }
scrape_configs:
  - job_name: service
    static_configs: [{ targets: ["${rig.healthHost}:8080"] }]
  - job_name: ray
    http_sd_configs: [{ url: "${at("/v1/prometheus-targets")}", refresh_interval: 1s }]
`,
    );
    const address = `127.0.0.1:${await freePort()}`;
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${address}`,
    ];
    prometheus = new Running({
      name: "prometheus",
      file: "prometheus",
      args,
      cwd: folder,
      env: { PATH: process.env.PATH ?? "" },
    });
    const ask = async (query: string) => {
      const answer = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(query)}`).catch(
        () => null,
      );
      if (!answer?.ok) return [];
      const { data } = (await answer.json()) as {
        data: { result: { metric: Record<string, string>; value: [number, string] }[] };
      };
      return data.result
        .map(({ metric, value }) => [metric.ray_node ?? metric.instance, value[1]])
        .toSorted();
    };
    const becomes = async (query: string, expected: unknown) =>
      until(query, async () => JSON.stringify(await ask(query)) === JSON.stringify(expected), 30_000);
    await becomes("ray_node_cpu_count", [
      ["ray-cpu", "4"],
      ["ray-gpu", "4"],
    ]);
    await becomes("ray_ep_head_present", [[`${rig.healthHost}:8080`, "1"]]);
    (await rig.rays.run("ray-gpu")).exit(1);
    await becomes("sum by (instance) (ray_ep_node_restarts_total)", [[`${rig.healthHost}:8080`, "1"]]);
  });
});
