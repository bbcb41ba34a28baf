import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RAY_IMAGE } from "../fixtures/docker/ray-images.ts";
import { PROJECT, WsProject } from "../fixtures/docker/ws-project.ts";

const project = WsProject.open({
  services: {
    ray: {
      defaults: { cpus: 1, memory: "1g", volumes: ["./data:/data:ro"], environment: { GREETING: "$hello" } },
      cpu: { memory: "2g", build: { context: "own", target: "runtime", args: { WORD: "built" } } },
      gpu: { enabled: false },
      big: {
        candidate: true,
        memory: "2g",
        resources: { slots: 2 },
        labels: { zone: "a" },
        volumes: ["models:/models"],
      },
      small: { replicas: 3, ulimits: { nofile: 4096 }, image: RAY_IMAGE },
    },
  },
});

const DOCKERFILE = `FROM ${RAY_IMAGE} AS runtime
ARG WORD
USER root
RUN echo "$WORD" > /word
FROM runtime
RUN exit 1
`;
const OVERRIDE = `services:
  ray-cpu: { environment: { MORE: override } }
  sidecar: { image: ${RAY_IMAGE}, entrypoint: [sleep, "3600"], stop_grace_period: 1s }
`;

const inNode = (node: string, script: string) =>
  project.docker("exec", `${PROJECT}-${node}`, "sh", "-c", script);

test("five nodes with what config.yaml gives each: a Dockerfile of its own, volumes, variables, limits, and a service beside them", async () => {
  for (const folder of ["data", "own"]) mkdirSync(join(project.folder, folder));
  writeFileSync(join(project.folder, "data/seen"), "mounted\n");
  writeFileSync(join(project.folder, "own/Dockerfile"), DOCKERFILE);
  writeFileSync(join(project.folder, "compose.override.yaml"), OVERRIDE);
  const up = await project.ws(["up"]);
  expect(up.code, up.text).toBe(0);
  expect(up.text).toContain("5 nodes ALIVE, 5 CPUs: ray-cpu (HEAD), ray-big (WORKER), ray-small-1 (WORKER)");
  expect((await inNode("ray-cpu", "cat /word; echo $MORE")).text).toBe("built\noverride");
  expect((await inNode("ray-small-3", "cat /data/seen; echo $GREETING; ulimit -n")).text).toBe(
    "mounted\n$hello\n4096",
  );
  expect((await inNode("ray-big", "grep /models /proc/mounts")).code).toBe(0);
  const ps = await project.ws(["ps"]);
  expect(ps.code, ps.text).toBe(0);
  expect(ps.text).toMatch(/^sidecar +other +\S+ +up /m);
});

test("ws test --up: every line of the checklist holds for all of them", async () => {
  const judged = await project.ws(["test", "--up", "--report", join(project.folder, "report")]);
  expect(judged.code, judged.text).toBe(0);
  expect(project.report().counts).toMatchObject({ failed: 0, skipped: 0 });
  expect(judged.text).toMatch(/listed: CPU, memory, object_store_memory, slots$/m);
});

test("ws down -v leaves nothing of it", async () => {
  const down = await project.ws(["down", "-v"]);
  expect(down.code, down.text).toBe(0);
  expect(await project.leftovers()).toEqual([]);
});
