import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { askedRay } from "../fixtures/docker/ray-images.ts";
import { PROJECT, WsProject } from "../fixtures/docker/ws-project.ts";
import { until } from "../fixtures/until.ts";

/** The story of docs/specification.md in its order; each part goes on from where the one before left the cluster. */
const project = WsProject.open({ nodes: { cluster: { wait_for_head: 20 } } });
const WHOLE = ["ray-cpu", "ray-gpu"];
const WITH_WORKER = [...WHOLE, "test-ray-worker"];

describe("ws up", () => {
  test("builds, starts and waits until both nodes are ALIVE", async () => {
    const up = await project.ws(["up", "--build"]);
    expect(up.code, up.text).toBe(0);
    expect(up.text).toContain("✓ The cluster is up. 2 nodes ALIVE, 8 CPUs: ray-cpu (HEAD), ray-gpu (WORKER)");
    expect(await project.roles()).toEqual(["ray-cpu HEAD", "ray-gpu WORKER"]);
  });

  test("a second time changes nothing and says so", async () => {
    const before = await project.lives();
    const again = await project.ws(["up"]);
    expect(again.code, again.text).toBe(0);
    expect(again.text).toContain("✓ The cluster is up already, nothing was changed.");
    expect(await project.lives()).toEqual(before);
  });

  test("ws ps shows the nodes as Ray sees them beside the containers as Docker sees them", async () => {
    const { code, text } = await project.ws(["ps"]);
    expect(code, text).toBe(0);
    expect(text).toMatch(/^ray-cpu +head +172\.28\.0\.3 +ALIVE +4 .* cslr-exp-platform-ray-cpu +running/m);
    expect(text).toMatch(/^ray-gpu +worker +172\.28\.0\.4 +ALIVE +4 .* cslr-exp-platform-ray-gpu +running/m);
    expect(text).toMatch(/^health +health +172\.28\.0\.2 +up /m);
  });

  test("ws doctor finds nothing wrong with it", async () => {
    const { text } = await project.ws(["doctor"]);
    const cluster = text.slice(text.indexOf("The cluster"));
    expect(cluster).toContain("✓ HEAD: one, at 127.0.0.1:6379");
    expect(cluster).toContain("✓ ray-gpu: WORKER, ALIVE");
    expect(cluster).not.toContain("✗ ray");
    expect(text).toMatch(/✓ Ports: .*free, or its own/);
  });

  test("ws logs shows what the nodes say, and names a node that there is not", async () => {
    const { code, text } = await project.ws(["logs", "ray-gpu", "--tail", "500"]);
    expect(code, text).toBe(0);
    expect(text).toContain("ray-gpu | Mode: worker");
    expect(await project.ws(["logs", "ray-gqu"])).toMatchObject({
      code: 78,
      text: expect.stringContaining("ray-gqu"),
    });
  });
});

describe("scenario 1", () => {
  test("docker exec … ray status shows 2 nodes, 8 CPUs and about 16 GiB", async () => {
    // The autoscaler, whom it asks, looks every five seconds.
    const text = await until("two nodes", async () => {
      const shown = await project.docker("exec", `${PROJECT}-ray-cpu`, "ray", "status");
      return shown.text.match(/^ *1 node_/gm)?.length === 2 ? shown.text : undefined;
    });
    expect(text).toContain("/8.0 CPU");
    const sizes = [...text.matchAll(/\/([\d.]+)GiB (?:memory|object_store_memory)/g)].map(([, size]) =>
      Number(size),
    );
    expect(sizes.reduce((total, size) => total + size, 0)).toBeCloseTo(16, 0);
  });

  test("ray-gpu says that it found ray-cpu and became a WORKER", async () => {
    const log = await project.log("ray-gpu");
    expect(log).toMatch(/✓ Node is in head whitelist/);
    expect(log).toMatch(/ray-cpu:6379 answers as a Ray GCS/);
    expect(log).toMatch(/^Mode: worker$/m);
    expect(await project.log("ray-cpu")).toMatch(/^Mode: head$/m);
  });
});

describe("ray is found", () => {
  test.each([
    ["docker exec", ["ray", "--version"]],
    ["su - ray -c", ["su", "-", "ray", "-c", "ray --version"]],
  ])("by %s", async (_, command) => {
    const user = command[0] === "su" ? ["--user", "root"] : [];
    const { code, text } = await project.docker("exec", ...user, `${PROJECT}-ray-gpu`, ...command);
    expect(code, text).toBe(0);
    expect(text).toMatch(/^ray, version \d/m);
    const asked = askedRay();
    if (asked !== undefined) expect(text.trim().split("\n").at(-1)).toBe(`ray, version ${asked}`);
  });

  test("su - ray -c 'python3 …' is the Python that has Ray", async () => {
    const script = "python3 -c 'import ray, sys; print(sys.executable)'";
    const exec = ["exec", "--user", "root", `${PROJECT}-ray-cpu`];
    const { text } = await project.docker(...exec, "su", "-", "ray", "-c", script);
    expect(text).toContain("/home/ray/anaconda3/bin/python3");
  });
});

describe("ws test --up", () => {
  test("every line of the checklist holds", async () => {
    const judged = await project.ws(["test", "--up", "--report", join(project.folder, "report")]);
    expect(judged.code, judged.text).toBe(0);
    expect(project.report().counts).toMatchObject({ failed: 0, skipped: 0 });
    for (const name of ["cluster-test.xml", "cluster-test.md"])
      expect(existsSync(join(project.folder, "report", name)), name).toBe(true);
  });

  test("scenario 2: the worker outside the whitelist says so, and is the third node", async () => {
    const log = await project.log("test-worker");
    expect(log).toMatch(/not in head whitelist: test-ray-worker/);
    expect(log).toMatch(/HEAD_ADDRESS=ray-cpu:6379/);
    expect(log).toMatch(/^Mode: worker$/m);
    expect(log).toMatch(/✓ Others reach this node at test-ray-worker:\d+ \(asked from 172\.28\.0\.2/);
    expect(await project.becomes(WITH_WORKER)).toBe("ray-cpu");
  });

  test("scenario 3: the client is connected over the host's address, lists the resources and stays up", async () => {
    const log = await project.log("test-client");
    expect(log).toMatch(/✓ Ray client connected to ray:\/\/\d+\.\d+\.\d+\.\d+:10001/);
    expect(log).toMatch(/CPU: (?:8|10)/);
    const state = await project.docker("inspect", "--format", "{{.State.Status}}", `${PROJECT}-test-client`);
    expect(state.text).toBe("running");
  });

  test("--head of a node that is no HEAD: the log shows the override, why it fails, and where the HEAD is", async () => {
    const report = ["--report", join(project.folder, "report")];
    const judged = await project.ws(["test", "--up", "--head", "ray-gpu:6380", ...report]);
    expect(judged.code, judged.text).toBe(1);
    const log = await project.log("test-worker");
    expect(log).toContain("HEAD_ADDRESS=ray-gpu:6380");
    expect(log).toMatch(/No HEAD after \d+/);
    expect(log).toContain("✗ ray-gpu:6380 is not a Ray GCS");
    expect(log.slice(log.search(/No HEAD after/))).toContain("the HEAD is ray-cpu at ray-cpu:6379");
    const wrong = project.report().results.filter(({ outcome }) => outcome === "failed");
    expect(wrong.map(({ id }) => id)).toContain("worker/joined");
    expect(wrong.map(({ id }) => id)).not.toContain("cluster/head");
  });

  test("--down removes the test's two and leaves the cluster alone", async () => {
    const down = await project.ws(["test", "--down"]);
    expect(down.code, down.text).toBe(0);
    expect(await project.containers()).toEqual(
      ["health", "ray-cpu", "ray-gpu"].map((each) => `${PROJECT}-${each}`),
    );
    expect(await project.becomes(WHOLE)).toBe("ray-cpu");
  });
});

describe("ws doctor tells the specification's troubles apart", () => {
  /** A container that goes by the name of a service of this project. */
  const impostor = (service: string, options: readonly string[], words: readonly string[]) =>
    project.docker(
      ...["run", "--detach", "--name", `${PROJECT}-impostor-${service}`, ...options],
      ...[
        "--label",
        `io.ray-entrypoint.project=${PROJECT}`,
        "--label",
        `com.docker.compose.service=${service}`,
      ],
      ...[`${PROJECT}-ray-cpu`, ...words],
    );

  test("a test worker that leads, a client without Python, a hostname that the whitelist lacks", async () => {
    const services = ["test-ray-worker", "test-ray-client", "ray-gpu"];
    try {
      await project.docker("rm", "--force", `${PROJECT}-ray-gpu`);
      const lead = ["--hostname", "test-ray-worker", "--env", "HEAD_ADDRESS=test-ray-worker:6379"];
      const ran = [
        await impostor("test-ray-worker", lead, []),
        await impostor("test-ray-client", [], ["bash", "-c", "PATH=/nowhere; python3 -c 'import ray'"]),
        await impostor("ray-gpu", ["--hostname", "ray-gpv"], []),
      ];
      for (const { code, text } of ran) expect(code, text).toBe(0);
      const said = await until(
        "the doctor's findings",
        async () => {
          const { text } = await project.ws(["doctor"]);
          return text.includes("it started as HEAD") ? text : undefined;
        },
        60_000,
      );
      expect(said).toMatch(/✗ test-ray-worker: it started as HEAD: HEAD_ADDRESS names it/);
      expect(said).toMatch(/✗ test-ray-client: python3 is not found in its PATH/);
      expect(said).toMatch(
        /✗ ray-gpu: its hostname ray-gpv is not in the whitelist .*; the nearest is ray-gpu/,
      );
    } finally {
      await project.docker("rm", "--force", ...services.map((each) => `${PROJECT}-impostor-${each}`));
      const up = await project.ws(["up"]);
      expect(up.code, up.text).toBe(0);
    }
  });
});

describe("a worker across NAT whose ports are not published", () => {
  test("says so before it joins, with the line that is missing", async () => {
    const compose = readFileSync(join(project.folder, "compose.yaml"), "utf8");
    const [, host = ""] = /test-ray-worker:(\d+\.\d+\.\d+\.\d+)/.exec(compose) ?? [];
    const name = `${PROJECT}-unpublished`;
    const env = {
      ...project.secrets,
      HEALTH_URL: "http://health:8080",
      HEAD_ADDRESS: "ray-cpu:6379",
      NODE_IP_ADDRESS: "test-ray-worker",
    };
    const options = [
      ...["--name", name, "--hostname", "test-ray-worker", "--env", "NODE_MANAGER_PORT=21200"],
      ...["ray-cpu", "health"].flatMap((each) => ["--add-host", `${each}:${host}`]),
      ...Object.entries(env).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
    ];
    try {
      const ran = await project.docker("run", "--detach", ...options, `${PROJECT}-ray-cpu`);
      expect(ran.code, ran.text).toBe(0);
      const log = await until(
        "the answer of the dial back",
        async () => /.*cannot reach this node at .*\n.*/.exec((await project.docker("logs", name)).text)?.[0],
        60_000,
      );
      expect(log).toMatch(/✗ Others cannot reach this node at test-ray-worker:21200: nothing listens there/);
      expect(log).toMatch(/→ .*[Pp]ublish/);
    } finally {
      await project.docker("rm", "--force", name);
    }
  });
});

describe("docker restart", () => {
  test.each(["ray-gpu", "ray-cpu"])("of %s: both nodes are back, under one HEAD", async (name) => {
    const before = await project.docker("inspect", "--format", "{{.State.StartedAt}}", `${PROJECT}-${name}`);
    expect((await project.docker("restart", `${PROJECT}-${name}`)).code).toBe(0);
    const after = await project.docker("inspect", "--format", "{{.State.StartedAt}}", `${PROJECT}-${name}`);
    expect(after.text).not.toBe(before.text);
    expect(await project.becomes(WHOLE, 180_000)).toMatch(/^ray-(?:cpu|gpu)$/);
    const up = await project.ws(["up"]);
    expect(up.code, up.text).toBe(0);
  });
});

describe("ws down", () => {
  test("leaves nothing but the volumes of the lease and of the candidates' state, and with -v nothing", async () => {
    const down = await project.ws(["down"]);
    expect(down.code, down.text).toBe(0);
    const volumes = ["health", ...WHOLE].map((name) => `${PROJECT}-${name}-state`);
    expect(await project.leftovers()).toEqual(volumes);
    const all = await project.ws(["down", "-v"]);
    expect(all.code, all.text).toBe(0);
    expect(all.text).toContain("Nothing was running");
    expect(await project.leftovers()).toEqual([]);
  });
});
