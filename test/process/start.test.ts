import { once } from "node:events";
import { createServer } from "node:http";
import { describe, expect, test } from "vitest";
import { eachRig } from "../fixtures/each-rig.ts";
import { lives } from "../fixtures/rig.ts";
import { until } from "../fixtures/until.ts";

const rig = eachRig();

const READY_HEAD = "✓ Ray cluster is ready!";
const READY_WORKER = "✓ Ray worker successfully joined the cluster!";

describe("the specification's first two scenarios, from an empty folder", () => {
  test("ray-cpu becomes HEAD, then ray-gpu finds it and joins", async () => {
    await rig.health();
    const cpu = rig.node("ray-cpu");
    await cpu.says(READY_HEAD);
    const gpu = rig.node("ray-gpu");
    await gpu.says(READY_WORKER);
    for (const words of [
      "✓ Node is in head whitelist",
      "✓ Health service is up",
      "✓ Head lease granted, epoch 1",
      "Mode: head",
    ])
      expect(cpu.stdout).toContain(words);
    expect(gpu.stdout).toContain("✓ Node is in head whitelist");
    expect(gpu.stdout).toMatch(/^Mode: worker$/m);
    const [head] = rig.rays.of("ray-cpu");
    const [worker] = rig.rays.of("ray-gpu");
    expect(head?.started.args.slice(0, 4)).toEqual(["start", "--head", "--block", "--port=6379"]);
    expect(worker?.option("--address")).toBe(`${rig.host("ray-cpu")}:6379`);
    expect(head?.started.env.PATH?.split(":")[0]).toBe(rig.binDir);
    expect(head?.started.env.HEAD_WHITELIST).toBe(rig.envOf("ray-cpu").HEAD_WHITELIST);
  });

  test("ray-gpu alone leads, and ray-cpu then joins it", async () => {
    await rig.health();
    const gpu = rig.node("ray-gpu");
    await gpu.says(READY_HEAD);
    const cpu = rig.node("ray-cpu");
    await cpu.says(READY_WORKER);
    expect(cpu.stdout).toContain("Mode: worker");
  });

  test("a node outside of the whitelist joins HEAD_ADDRESS, and waits for it", async () => {
    await rig.health();
    const HEAD_ADDRESS = `${rig.host("ray-cpu")}:6379`;
    const stranger = rig.node("test-ray-worker", { HEAD_ADDRESS, NODE_IP_ADDRESS: rig.host("", 9) });
    await stranger.says("→ Waiting: for a HEAD at");
    expect(stranger.stdout).toContain("→ Node is not in head whitelist");
    expect(stranger.stdout).toContain(`HEAD_ADDRESS=${HEAD_ADDRESS} names the HEAD explicitly`);
    await rig.node("ray-cpu").says(READY_HEAD);
    await stranger.says(READY_WORKER);
    expect(stranger.stdout).toMatch(/^Mode: worker$/m);
  });

  test("words after -- reach ray start, and Ray's own words the log", async () => {
    await rig.health();
    const cpu = rig.node("ray-cpu", {}, ["--", "--labels=zone=a", "--num-cpus", "2"]);
    const ray = await rig.rays.run("ray-cpu");
    ray.print("Local node IP: 127.0.0.1\n");
    await cpu.says("Local node IP");
    expect(ray.started.args.slice(-3)).toEqual(["--labels=zone=a", "--num-cpus", "2"]);
  });
});

describe("ready means that the GCS lists the node as ALIVE", () => {
  test("a process that runs is not enough", async () => {
    rig.rays.manners = { joins: false, exitOnTerm: 1 };
    await rig.health();
    const cpu = rig.node("ray-cpu", { RAY_EP_READY_TIMEOUT: "1" });
    expect(await cpu.exit()).toBe(75);
    expect(cpu.stdout).not.toContain(READY_HEAD);
    expect(cpu.stdout).toContain("The node was not ready after 1.0 s");
    await until("the end of Ray", () => rig.rays.runs.every(({ started }) => !lives(started.pid)));
  });
});

describe("E6 a drop-in user", () => {
  test("without a health service (HEALTH_URL=none) sees no ✗", async () => {
    const cpu = rig.node("ray-cpu", { HEALTH_URL: "none", RAY_EP_SECOND_LOOK: "0.1" });
    await cpu.says("✓ Ray cluster is ready!");
    expect(cpu.stdout).toContain("→ No health service (HEALTH_URL=none)");
    const ray = await rig.rays.run("ray-cpu");
    await until("some looks", () => (ray.gcs?.calls ?? 0) > 10);
    expect(cpu.stdout).not.toContain("✗");
  });

  test("with a misspelt variable is told the nearest one", async () => {
    await rig.health();
    const cpu = rig.node("ray-cpu", { RAY_EP_LOG_LIMITS: "10m" });
    await cpu.says("✗ RAY_EP_LOG_LIMITS is not a variable of this program, and nothing reads it");
    await cpu.says("→ Did you mean RAY_EP_LOG_LIMIT?");
  });

  test("with a plain server as health service: it receives at most one write, and nothing counts as lost", async () => {
    const asked: string[] = [];
    const plain = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.statusCode = request.method === "GET" && request.url === "/" ? 200 : 404;
      response.end("OK");
    }).listen(8080, rig.healthHost);
    await once(plain, "listening");
    try {
      const cpu = rig.node("ray-cpu");
      await cpu.says("✓ Ray cluster is ready!");
      const ray = await rig.rays.run("ray-cpu");
      await until("some seconds of looks", () => (ray.gcs?.calls ?? 0) > 14);
      expect(asked.filter((each) => each.startsWith("PUT")).length).toBeLessThanOrEqual(1);
      expect(cpu.stdout).not.toContain("✗");
    } finally {
      plain.closeAllConnections();
      plain.close();
    }
  });
});

describe("D17 what Ray says", () => {
  test("is in the log under its name and without colours, before our message about its end", async () => {
    rig.rays.manners = { joins: false, exitOnTerm: 1 };
    await rig.health();
    const cpu = rig.node("ray-cpu");
    const ray = await rig.rays.run("ray-cpu");
    ray.print("\u001b[32m\u001b[1mRay runtime started.\u001b[22m\u001b[39m\n\nMode: head of what?\n");
    await cpu.says("ray | Ray runtime started.");
    ray.print("Its last words");
    // What keeps its output open holds its end back for a moment; its raylet is seen dead by then, which is not the fault.
    ray.orphan();
    ray.exit(3);
    expect(await cpu.exit()).toBe(3);
    expect(cpu.stdout).not.toContain("\u001b");
    expect(cpu.stdout.match(/^Mode: .*/gm)).toEqual(["Mode: head"]);
    expect(cpu.stdout).toMatch(/^ray \| Its last words\n(?:.*\n)*✗ Exit code 3/m);
  });

  test("is JSON where our lines are", async () => {
    await rig.health();
    const cpu = rig.node("ray-cpu", { RAY_EP_LOG: "json" });
    (await rig.rays.run("ray-cpu")).print("Ray runtime started.\n");
    await cpu.says('"type":"said","by":"ray","line":"Ray runtime started."');
    for (const line of cpu.stdout.trim().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
  });

  test("goes to our output untouched if all of Ray's logs come that way", async () => {
    await rig.health();
    const cpu = rig.node("ray-cpu", { RAY_LOG_TO_STDERR: "1" });
    (await rig.rays.run("ray-cpu")).print("raylet says this\n");
    await cpu.says("\nraylet says this\n");
  });
});
