import { readFileSync } from "node:fs";
import { execa } from "execa";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { TestEngine } from "../fixtures/docker/engine.ts";
import { PROJECT, WsProject } from "../fixtures/docker/ws-project.ts";
import { until } from "../fixtures/until.ts";

const engine = TestEngine.open();
const project = WsProject.open();
const IMAGE = `${PROJECT}-ray-cpu`;
const FOREIGN_NAME = `${PROJECT}-ray-gpu`;

beforeAll(async () => {
  await project.ws(["generate"]);
  await project.compose("build");
});

afterEach(async () => {
  const down = await project.ws(["down", "-v"]);
  expect(down.code, down.text).toBe(0);
  expect(await project.leftovers()).toEqual([]);
});

describe("ws up that fails takes back what it started", () => {
  test("a port that another container holds: named before anything is started", async () => {
    const foreign = await engine.start("holder", IMAGE, ["sleep", "600"], ["--publish", "6380:6380"]);
    const up = await project.ws(["up"]);
    expect(up.code, up.text).toBe(75);
    expect(up.text).toContain(
      "ray-gpu, GCS: expected port 6380 to be free on this machine, but the container",
    );
    expect(up.text).toContain(`${foreign} publishes it`);
    expect(await project.containers()).toEqual([]);
    expect(await engine.inspect(foreign, ".State.Running")).toBe(true);
    await engine.must("rm", "--force", foreign);
  });

  test("E10 a name that another container has: named before anything is built, and the other one stays", async () => {
    await execa("docker", ["create", "--name", FOREIGN_NAME, IMAGE, "sleep", "600"]);
    try {
      const up = await project.ws(["up"]);
      expect(up.code, up.text).toBe(75);
      expect(up.text).toContain(`✗ ray-gpu: expected the container name ${FOREIGN_NAME} to be free`);
      expect(up.text).not.toContain("Building");
      expect(await project.containers()).toEqual([]);
      expect((await project.ws(["down", "-v"])).code).toBe(0);
      expect((await engine.docker("inspect", FOREIGN_NAME)).code).toBe(0);
    } finally {
      await execa("docker", ["rm", "--force", FOREIGN_NAME]);
    }
  });

  test("E10 a subnet that another network has: ws doctor and ws up name it before anything is built", async () => {
    const network = engine.name("subnet");
    const label = ["--label", "io.ray-entrypoint.test=subnet"];
    await engine.must("network", "create", "--subnet", "172.28.16.0/24", ...label, network);
    try {
      const doctor = await project.ws(["doctor"]);
      expect(doctor.code, doctor.text).toBe(1);
      expect(doctor.text).toContain(`overlaps 172.28.16.0/24 of the engine's network ${network}`);
      const up = await project.ws(["up"]);
      expect(up.code, up.text).toBe(75);
      expect(up.text).toContain(`and the engine's network ${network} has 172.28.16.0/24`);
      expect(up.text).toContain(`docker network rm ${network}`);
      expect(up.text).not.toContain("Building");
    } finally {
      await engine.must("network", "rm", network);
    }
  });

  test("an image that is nowhere: the engine's own words and the likely cause", async () => {
    project.configure({ services: { ray: { cpu: { image: "localhost:1/no-such-image:1" } } } });
    const up = await project.ws(["up", "--build"]);
    project.configure({});
    expect(up.code, up.text).toBe(75);
    expect(up.text).toContain("localhost:1");
    expect(up.text).toMatch(/→ Likely cause: .*image/);
  });

  test("a node that ends: how, its last lines, and where its whole log is", async () => {
    const up = project.ws(["up"]);
    await until(
      "ray-cpu's container to run",
      async () => (await project.log("ray-cpu")).includes("ray-entrypoint"),
      60_000,
    );
    // As if it had ended by itself: a container that is stopped from outside is not restarted.
    await project.docker("stop", `${PROJECT}-ray-cpu`);
    const { code, text } = await up;
    expect(code, text).toBe(75);
    expect(text).toMatch(/✗ ray-cpu ended before it was ready: exit code \d+/);
    expect(text).toContain("→ ray-entrypoint");
    const [, log = ""] = /→ The whole log: (\S+)/.exec(text) ?? [];
    expect(readFileSync(log, "utf8")).toContain("→ ray-entrypoint");
    expect(await project.containers()).toEqual([]);
  });

  test("a cluster that is too slow: what each node waits for, with its last lines", async () => {
    const up = await project.ws(["up", "--timeout", "3"]);
    expect(up.code, up.text).toBe(75);
    expect(up.text).toContain("✗ Not ready after 3 s:");
    // How far a node comes in that time is the machine's affair.
    for (const name of ["ray-cpu", "ray-gpu"])
      expect(up.text).toMatch(
        new RegExp(
          `✗ ${name}: (?:its container is created|its turn to start has not come yet|no GCS answers yet|the GCS does not list it yet)`,
        ),
      );
    expect(await project.containers()).toEqual([]);
  });
});

describe("ws down", () => {
  test("after a ws up that was killed, and twice in a row", async () => {
    const up = project.start(["up"]);
    await until("the first container", async () => (await project.containers()).length > 0, 60_000);
    up.signal("SIGKILL");
    await up.exit();

    const down = await project.ws(["down", "-v"]);
    expect(down.code, down.text).toBe(0);
    expect(await project.leftovers()).toEqual([]);
    const again = await project.ws(["down", "-v"]);
    expect(again).toMatchObject({ code: 0, text: expect.stringContaining("Nothing was running") });
  });

  test("what others put into our network stays theirs, and is named", async () => {
    await project.ws(["generate"]);
    await project.compose("up", "--detach", "health");
    const network = `${PROJECT}-ray-network`;
    const guest = await engine.start("guest", IMAGE, ["sleep", "600"], ["--network", network]);
    const down = await project.ws(["down", "-v"]);
    expect(down.code, down.text).toBe(75);
    expect(down.text).toContain("containers that are not ours still use it");
    expect(await engine.inspect(guest, ".State.Running")).toBe(true);
    await engine.must("rm", "--force", guest);
  });
});

describe("a hostname that is not in the whitelist", () => {
  test("the log names both, and the nearest match", async () => {
    const env = ["--env", "HEAD_WHITELIST=ray-cpu ray-gpu", "--env", "WAIT_FOR_HEAD=5"];
    const name = await engine.start("stranger", IMAGE, [], ["--hostname", "ray-cpv", ...env]);
    const line = await until(
      "a word on the whitelist",
      async () => /.*not in head whitelist.*/i.exec(await engine.must("logs", name))?.[0],
      30_000,
    );
    expect(line).toContain("ray-cpv is none of ray-cpu, ray-gpu");
    expect(line).toContain("the nearest name is ray-cpu");
  });
});
