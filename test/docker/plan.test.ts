import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { TestEngine } from "../fixtures/docker/engine.ts";
import { PROJECT, WsProject } from "../fixtures/docker/ws-project.ts";
import { until } from "../fixtures/until.ts";

const engine = TestEngine.open();
const project = WsProject.open();
/** A cluster that is small enough to start quickly. */
const SMALL = { services: { ray: { cpu: { cpus: 1 }, gpu: { cpus: 1 } } } };

async function up(...words: string[]): Promise<string> {
  const ran = await project.ws(["up", ...words]);
  expect(ran.code, ran.text).toBe(0);
  return ran.text;
}

describe("what ws up would do to a cluster that runs", () => {
  let lives: string[];
  beforeAll(async () => {
    project.configure(SMALL);
    await up();
    lives = await project.lives();
  });
  afterEach(async () => expect(await project.lives()).toEqual(lives));

  test("E2 the same config.yaml keeps everything, asks nothing and changes nothing", async () => {
    const plan = await project.ws(["up", "--dry-run"]);
    expect(plan.code, plan.text).toBe(0);
    for (const name of ["health", "ray-cpu", "ray-gpu"])
      expect(plan.text).toMatch(new RegExp(`✓ keep +${name}`));
    expect(await up()).toContain("✓ The cluster is up already, nothing was changed");
  });

  test("E2 another number of CPUs replaces the HEAD: what is lost is said, and nothing done without --yes", async () => {
    project.configure({ services: { ray: { cpu: { cpus: 2 }, gpu: { cpus: 1 } } } });
    const refused = await project.ws(["up"]);
    expect(refused.code, refused.text).toBe(2);
    expect(refused.text).toMatch(/✗ replace {2}ray-cpu {2}config\.yaml, ws or the shell's tokens changed/);
    expect(refused.text).toContain(
      "lost: the jobs and tasks that run, and before Ray 2.57 the cluster's state, because it is the HEAD",
    );
    expect(refused.text).toMatch(/✓ keep {5}ray-gpu/);
    expect(refused.text).toMatch(/→ To go ahead: \.\/ws -c \S+ --state \S+ up --yes/);
    expect((await project.ws(["up", "--dry-run"])).text).toMatch(/✗ replace {2}ray-cpu/);
  });

  test("E4 with another project.name ps and down mean the cluster that was started, and up names it", async () => {
    project.configure({ ...SMALL, project: { name: "renamed" } });
    const ps = await project.ws(["ps"]);
    expect(ps.code, ps.text).toBe(0);
    expect(ps.text).toContain(
      `→ project.name is now renamed; this command is about ${PROJECT}, which ws up started`,
    );
    expect(ps.text).toContain(`${PROJECT}-ray-cpu`);
    const plan = await project.ws(["up", "--dry-run"]);
    expect(plan.text).toMatch(new RegExp(`✗ stop +${PROJECT}-ray-cpu +project.name was ${PROJECT}`));
    expect(plan.text).toMatch(/→ start +ray-cpu/);
    expect((await project.ws(["up"])).code).toBe(2);
  });

  test("D15 another folder's config.yaml with the same project.name takes nothing down, and says where that cluster is", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ws-twin-"));
    const config = join(folder, "config.yaml");
    writeFileSync(config, stringify(SMALL));
    try {
      const place = ["--config", config, "--state", join(folder, "state")];
      const down = await project.ws([...place, "down"]);
      expect(down.code, down.text).toBe(77);
      expect(down.text).toContain(`was started from ${project.folder}, not from here`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("E10 a second project is told what the first one has, before any image is built", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ws-second-"));
    const config = join(folder, "config.yaml");
    writeFileSync(config, stringify({ project: { name: "second" } }));
    try {
      const place = ["--config", config, "--state", join(folder, "state")];
      const second = await project.ws([...place, "up"]);
      expect(second.code, second.text).toBe(75);
      expect(second.text).toMatch(
        new RegExp(
          `✗ the cluster ${PROJECT}: is on this machine as well, and holds what this cluster needs: ports 6379, .* more, the network 172\\.28\\.0\\.0/16`,
        ),
      );
      expect(second.text).toContain("→ Take it down first, with its own config.yaml, or give this one");
      expect(second.text).not.toContain("Building");
      expect(second.text.match(/✗/g)).toHaveLength(2);
      const doctor = await project.ws([...place, "doctor"]);
      expect(doctor.text).toContain(`of the engine's network ${PROJECT}-ray-network`);
      expect(doctor.text).not.toContain("docker network rm");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("what is agreed to is done", () => {
  test("E8 a node that is switched off is named in the plan and stopped", async () => {
    project.configure({ services: { ray: { cpu: { cpus: 1 }, gpu: { enabled: false } } } });
    const done = await up("--yes");
    expect(done).toMatch(/✗ stop {5}ray-gpu {2}config\.yaml no longer asks for it/);
    expect(await project.containers()).toEqual([`${PROJECT}-health`, `${PROJECT}-ray-cpu`]);
    expect(await project.roles()).toEqual(["ray-cpu HEAD"]);
  });

  test("E4 up under another project.name ends the old cluster; down ends what runs then", async () => {
    project.configure({ project: { name: "renamed" }, services: { ray: { gpu: { enabled: false } } } });
    await up("--yes");
    expect(await project.containers()).toEqual([]);
    const down = await project.ws(["down", "-v"]);
    expect(down.text).toContain("The cluster is down: ");
    const left = await engine.must(
      "ps",
      "--all",
      "--filter",
      "label=io.ray-entrypoint.project=renamed",
      "--quiet",
    );
    expect(left).toBe("");
    project.configure(SMALL);
  });

  test("D15 a container that somebody removes while ws up waits is named at once", async () => {
    project.configure(SMALL);
    const began = performance.now();
    const starting = project.ws(["up"]);
    await until(
      "ray-cpu's container to run",
      async () => (await project.log("ray-cpu")).includes("ray-entrypoint"),
      60_000,
    );
    await project.docker("rm", "--force", `${PROJECT}-ray-cpu`);
    const { code, text } = await starting;
    expect(code, text).toBe(75);
    expect(text).toContain("✗ ray-cpu ended before it was ready: its container was removed meanwhile");
    expect(performance.now() - began).toBeLessThan(60_000);
    expect(await project.containers()).toEqual([]);
  });
});
