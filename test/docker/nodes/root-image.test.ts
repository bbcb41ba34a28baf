import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { RAY_IMAGE } from "../../fixtures/docker/ray-images.ts";
import { BESIDE, WsProject } from "../../fixtures/docker/ws-project.ts";
import { JOB, writeJob } from "../../fixtures/job.ts";

/** The platform that the specification comes from: its file, and an image that runs as root with Ray in a conda environment. */
const settings = parse(readFileSync(join(import.meta.dirname, "../../fixtures/original-shape.yaml"), "utf8"));
const { cpu, gpu, ...ray } = settings.services.ray;
const project = WsProject.open({
  ...settings,
  ...BESIDE,
  services: {
    ...settings.services,
    ...BESIDE.services,
    ray: {
      ...ray,
      cpu: { ...cpu, ...BESIDE.services.ray.cpu },
      gpu: { ...gpu, ...BESIDE.services.ray.gpu },
      build: { ...ray.build, context: "own", dockerfile: "own/Dockerfile" },
    },
  },
});

const ENVIRONMENT = "/opt/conda/envs/py";
const DOCKERFILE = `FROM ray-ep-lab/base:latest AS ray-runtime
RUN python3 -m venv --without-pip ${ENVIRONMENT}
COPY --from=${RAY_IMAGE} /home/ray/anaconda3/lib/python3.11/site-packages ${ENVIRONMENT}/lib/python3.11/site-packages
COPY --from=${RAY_IMAGE} /home/ray/anaconda3/bin/ray ${ENVIRONMENT}/bin/ray
RUN sed -i '1s|.*|#!${ENVIRONMENT}/bin/python3|' ${ENVIRONMENT}/bin/ray
FROM ray-runtime
RUN exit 1
`;

beforeAll(() => {
  mkdirSync(join(project.folder, "own"));
  writeFileSync(join(project.folder, "own/Dockerfile"), DOCKERFILE);
});

test("ws up builds it with the user's own Dockerfile, and its nodes run as root", async () => {
  const up = await project.ws(["up"]);
  expect(up, up.text).toMatchObject({ code: 0, text: expect.stringContaining("2 nodes ALIVE") });
  const asRoot = await project.docker(
    "exec",
    `${project.name}-ray-gpu`,
    "sh",
    "-c",
    "stat -c %u /proc/$(pgrep -x raylet)",
  );
  expect(asRoot.text).toBe("0");
});

test("ws shell and ws run work in it as root, with its Ray", async () => {
  // Not `ray status`: the autoscaler, whom that asks, may not have noticed the nodes yet.
  const nodes = `python -c 'import ray; ray.init(address="auto"); print(len(ray.nodes()), "nodes")'`;
  const shell = await project.ws(["shell", "ray-gpu", "--", "sh", "-c", `id -u; command -v ray; ${nodes}`]);
  expect(shell.out, shell.text).toMatch(new RegExp(`^0\\n${ENVIRONMENT}/bin/ray\\n[^]*2 nodes`));
  const job = await project.ws(["run", "--working-dir", writeJob(project.folder), "--", ...JOB]);
  expect(job, job.text).toMatchObject({
    code: 3,
    out: expect.stringContaining("in the job: 4 of the caller's"),
  });
});

test("ws test --up: every line of the checklist holds", async () => {
  const judged = await project.ws(["test", "--up", "--report", join(project.folder, "report")]);
  expect(judged, judged.text).toMatchObject({ code: 0 });
  expect(project.report().counts).toMatchObject({ failed: 0 });
});
