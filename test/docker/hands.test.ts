import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { TestEngine } from "../fixtures/docker/engine.ts";
import { PROJECT, WsProject } from "../fixtures/docker/ws-project.ts";
import { JOB, writeJob } from "../fixtures/job.ts";
import { until } from "../fixtures/until.ts";

/** A container cluster as users treat it: other shells, nodes from elsewhere, removed containers, Ctrl-C. */
const engine = TestEngine.open();
const project = WsProject.open();

const token = randomBytes(16).toString("hex");
const inShell = { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: token };
const container = (service: string): string => `${PROJECT}-${service}`;

interface Service {
  readonly name: string;
  readonly role: string;
  readonly state: string;
  readonly container: { readonly name: string };
}

async function ps() {
  const { code, out } = await project.ws(["ps", "--json"]);
  const services: readonly Service[] = JSON.parse(out).services;
  return { code, services };
}

describe("a cluster that was started with a token", () => {
  test("E1 every later shell uses the token, a second up changes nothing, and no shared file contains it", async () => {
    const up = await project.ws(["up"], inShell);
    expect(up.code, up.text).toBe(0);
    const lives = await project.lives();
    expect((await ps()).services.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "health up",
      "ray-cpu ALIVE",
      "ray-gpu ALIVE",
    ]);
    const again = await project.ws(["up"]);
    expect(again.code, again.text).toBe(0);
    expect(again.text).toContain("nothing was changed");
    expect(await project.lives()).toEqual(lives);
    const doctor = await project.ws(["doctor"]);
    expect(doctor.text).toContain("✓ ray-gpu: WORKER, ALIVE");
    const files = [project.folder, join(project.folder, "state/docker")].flatMap((folder) =>
      readdirSync(folder, { withFileTypes: true })
        .filter((each) => each.isFile())
        .map(({ name }) => readFileSync(join(folder, name), "utf8")),
    );
    expect(files.length).toBeGreaterThan(3);
    for (const text of [...files, up.text, again.text, doctor.text]) expect(text).not.toContain(token);
  });

  test("ws run hands over the caller's own files, and ends with the job's exit code", async () => {
    const job = await project.ws(["run", "--working-dir", writeJob(project.folder), "--", ...JOB]);
    expect(job.code, job.text).toBe(3);
    expect(job.out).toContain("in the job: 4 of the caller's");
    const left = await project.ws(["shell", "--", "sh", "-c", "ls -d /tmp/tmp.*"]);
    expect(left.out, left.text).toBe("");
  });

  test("Ctrl-C in ws run has Ray stop the job, and nothing of it is left in the HEAD's container", async () => {
    const words = ["run", "--json", "--working-dir", writeJob(project.folder), "--", ...JOB, "--stay"];
    const running = project.start(words);
    await running.says("in the job: 4 of the caller's", 60_000);
    running.signal("SIGINT");
    expect(await running.exit(60_000), running.text).toBe(130);
    expect(JSON.parse(running.stdout)).toMatchObject({ status: "STOPPED" });
    const look = ["sh", "-c", "ls /tmp; cat /proc/[0-9]*/cmdline; true"];
    const left = await engine.must("exec", container("ray-cpu"), ...look);
    expect(left).not.toMatch(/tmp\.\w|job\.py/);
  });

  test("ws shell is Ray's user with the node's PATH and token; what it types ends as it would there", async () => {
    const typed = await project.ws(["shell", "ray-gpu", "--", "sh", "-c", "id -un; ray status; exit 7"]);
    expect(typed.code, typed.text).toBe(7);
    expect(typed.out).toMatch(/^ray\n/);
    expect(typed.out).toContain("Active:");
    const head = await project.ws(["shell", "--", "hostname"]);
    expect(head.out).toBe("ray-cpu\n");
  });

  test("E5 a node that joins by plain docker run is listed, with no container of this cluster", async () => {
    const env = { ...inShell, HEAD_ADDRESS: "ray-cpu:6379", RAY_NUM_CPUS: "1" };
    const words = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
    const place = ["--network", `${PROJECT}-ray-network`, "--hostname", "by-hand", "--shm-size=128m"];
    const ray = ["--", "--object-store-memory=78643200"];
    const name = await engine.start("by-hand", container("ray-cpu"), ray, [...place, ...words]);
    await until(
      "the node to be listed",
      async () => (await ps()).services.some((each) => each.name === "by-hand" && each.state === "ALIVE"),
      120_000,
    );
    const { code, services } = await ps();
    expect(code).toBe(0);
    expect(services.find((each) => each.name === "by-hand")).toMatchObject({
      role: "worker",
      container: { name: "–" },
    });
    expect((await project.ws(["doctor"])).text).toContain("by-hand: WORKER, ALIVE at ");
    await engine.must("rm", "--force", name);
  });

  test("D16 a node is missing as soon as its container is removed", async () => {
    await engine.must("rm", "--force", container("ray-gpu"));
    const { code, text } = await project.ws(["ps"]);
    expect(code).toBe(1);
    expect(text).toMatch(/^ray-gpu .*(?:missing|stopped)/m);
    expect(text).not.toMatch(/^ray-gpu .*ALIVE/m);
  });

  test("E11 doctor reports a removed health service, and up starts what is missing", async () => {
    await engine.must("rm", "--force", container("health"));
    const doctor = await project.ws(["doctor"]);
    expect(doctor.code).toBe(1);
    expect(doctor.text).toContain("✗ health: it has no container");
    expect(doctor.text).toMatch(MISSING);
    const up = await project.ws(["up"]);
    expect(up.code, up.text).toBe(0);
    expect((await ps()).code).toBe(0);
  });

  test("E11 after the HEAD is removed, ps advises to start what is missing, not the cluster", async () => {
    await engine.must("rm", "--force", container("ray-cpu"));
    const { code, text } = await project.ws(["ps"]);
    expect(code).toBe(1);
    expect(text).not.toContain("Start the cluster");
    expect(text).toMatch(MISSING);
  });

  test("E11 Ctrl-C ends the waiting in down at once, and nothing is left", async () => {
    const down = project.start(["down", "-v"]);
    await down.says("may finish running work", 30_000);
    down.signal("SIGINT");
    const began = performance.now();
    const code = await down.exit();
    expect(down.text).toContain("Not waiting any longer");
    expect(code, down.text).toBe(0);
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(await project.leftovers()).toEqual([]);
  });
});

describe("a start that fails", () => {
  afterEach(async () => {
    await project.ws(["down", "-v"]);
  });

  test("E9 what the nodes wrote is shown after their containers are gone", async () => {
    const up = await project.ws(["up", "--timeout", "4"]);
    expect(up.code, up.text).toBe(75);
    expect(await project.containers()).toEqual([]);
    const logs = await project.ws(["logs", "-t", "ray-cpu"]);
    expect(logs.code, logs.text).toBe(0);
    expect(logs.text).toContain(
      "→ Its container is gone; these lines are kept from the start that failed at ",
    );
    expect(logs.text).toMatch(/^ray-cpu \| \d{4}-\S+Z → ray-entrypoint \S+ on node ray-cpu/m);
  });

  test("E11 Ctrl-C, and a second one while up removes what it started: nothing is left", async () => {
    const up = project.start(["up"]);
    await until("a container", async () => (await project.containers()).length > 0, 60_000);
    up.signal("SIGINT");
    await up.says("Taking down", 60_000);
    for (const _ of [2, 3]) up.signal("SIGINT");
    await up.exit(120_000);
    expect(await project.leftovers().then((all) => all.filter((each) => !isVolume(each)))).toEqual([]);
  });
});

/** As it is typed for this cluster, whose config.yaml and state folder are no usual ones. */
const MISSING = /→ Start what is missing: \.\/ws -c \S+ --state \S+ up$/m;

/** The state of the health service and of the candidates survives a failed start, as it survives `ws down`. */
const isVolume = (name: string): boolean => name.endsWith("-state");
