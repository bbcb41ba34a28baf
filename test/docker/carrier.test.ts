import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { root, TestEngine } from "../fixtures/docker/engine.ts";
import { withImages } from "../fixtures/docker/ray-images.ts";
import { until } from "../fixtures/until.ts";

const PROJECT = "carried";
const engine = TestEngine.open();
/** Stands for a machine without a checkout: a config.yaml, and what ws keeps. */
const folder = mkdtempSync(join(tmpdir(), "carrier-"));
const config = join(folder, "config.yaml");
const state = join(folder, "state");
const socket = (process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock").replace("unix://", "");
const { HOST_IP } = process.env;

let carrier: string;
beforeAll(async () => {
  await execa("sh", ["scripts/setup.sh"], { cwd: root });
  carrier = await engine.build("carrier", { file: join(root, "docker/carrier.Dockerfile") });
  const ray = { cpu: { cpus: 1, memory: "2g" }, gpu: { enabled: false } };
  const host = HOST_IP === undefined ? {} : { host: { ip_address: HOST_IP } };
  const settings = withImages({ project: { name: PROJECT }, ...host, services: { ray } });
  writeFileSync(config, stringify(settings));
});
afterAll(async () => {
  await ws("down", "-v");
  const made = `label=io.ray-entrypoint.image-of=${PROJECT}`;
  await engine.docker("image", "prune", "--all", "--force", "--filter", made);
  rmSync(folder, { recursive: true, force: true });
});

/** As docs/ws.md has it. */
const ws = (...words: string[]) =>
  engine.run(
    carrier,
    ["-c", config, ...words],
    [
      ...["--network", "host", "--volume", `${socket}:/var/run/docker.sock`],
      ...["--env", `WS_STATE_DIR=${state}`, "--volume", `${folder}:${folder}`],
    ],
  );

test("without the engine's socket it says what to mount, and with that alone it mounts a folder for its state itself", async () => {
  const bare = await engine.run(carrier, ["up"]);
  expect(bare).toMatchObject({ code: 78, text: expect.stringContaining("-v /var/run/docker.sock:") });
  const given = ["--volume", `${socket}:/var/run/docker.sock`, "--env", `WS_STATE_DIR=${state}`];
  const down = await engine.run(carrier, ["down"], given);
  expect(down, down.text).toMatchObject({ code: 0 });
  expect(readdirSync(state)).not.toEqual([]);
  expect((await engine.run(carrier)).text).toContain("Usage: ws");
});

test("it starts a cluster on the engine whose socket is mounted, looks at it, works in it, and leaves nothing", async () => {
  const up = await ws("up");
  expect(up, up.text).toMatchObject({
    code: 0,
    text: expect.stringContaining("The cluster is up. 1 node ALIVE"),
  });
  expect(readdirSync(join(state, "secrets/docker")).length).toBeGreaterThan(0);
  const ps = await ws("ps");
  expect(ps, ps.text).toMatchObject({ code: 0, text: expect.stringMatching(/^ray-cpu +head +\S+ +ALIVE /m) });
  // Ray's autoscaler makes its first status some seconds after the node is ALIVE.
  await until(
    "the status",
    async () => (await ws("shell", "--", "ray", "status")).text.includes("0.0/1.0 CPU"),
    60_000,
  );
  const down = await ws("down", "-v");
  expect(down, down.text).toMatchObject({ code: 0 });
  const label = ["--quiet", "--filter", `label=io.ray-entrypoint.project=${PROJECT}`];
  for (const list of [
    ["ps", "--all"],
    ["network", "ls"],
    ["volume", "ls"],
  ])
    expect(await engine.must(...list, ...label)).toBe("");
});
