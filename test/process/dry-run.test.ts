import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv";
import { describe, expect, test } from "vitest";
import schema from "../../docs/dry-run.schema.json" with { type: "json" };
import type { DryRunReport } from "../../src/entrypoint/output/dry-run.ts";
import { eachRig } from "../fixtures/each-rig.ts";
import { FakeGcs } from "../fixtures/fake-gcs.ts";
import { redis } from "../fixtures/odd-servers.ts";

const rig = eachRig();

const isReport = new Ajv({ strict: false }).compile(schema);

async function report(
  name: string,
  env: Record<string, string> = {},
  words: string[] = [],
): Promise<DryRunReport> {
  const run = rig.node(name, env, ["--dry-run", "--json", ...words]);
  const exitCode = await run.exit();
  expect(run.stderr).toBe("");
  const parsed = JSON.parse(run.stdout) as DryRunReport;
  isReport(parsed);
  expect(isReport.errors).toBeNull();
  expect(parsed.exitCode).toBe(exitCode);
  return parsed;
}

/** Every file of the rig with its text, and what the health service knows. */
async function world(): Promise<unknown> {
  const files = readdirSync(rig.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const view = await (await fetch(`http://${rig.healthHost}:8080/v1/cluster`)).json();
  const { uptime: _, ...known } = view as Record<string, unknown>;
  return {
    files: files.map((file) => [file, readFileSync(file, "utf8").length]),
    known,
    rays: rig.rays.runs,
  };
}

describe("--dry-run --json fits its schema and says", () => {
  test("that the lease would be asked for, and what would run as whom", async () => {
    await rig.health();
    const shown = await report("ray-cpu", { RAY_NUM_CPUS: "4", RAY_AUTH_TOKEN: "s3cret" }, [
      "--",
      "--labels=a=b",
    ]);
    expect(shown).toMatchObject({
      node: "ray-cpu",
      decision: { role: "ask-lease", rule: "3-head-lease" },
      facts: { health: { kind: "lease" }, heads: [{ name: "ray-gpu", kind: "refused" }] },
      plan: { role: "head", start: { path: `${rig.binDir}:/usr/bin:/bin` }, ready: { nodeName: "ray-cpu" } },
      exitCode: 0,
    });
    expect(shown.plan?.start.command).toContain("--num-cpus=4");
    expect(shown.plan?.start.command.at(-1)).toBe("--labels=a=b");
    expect(JSON.stringify(shown)).not.toContain("s3cret");
    const origins = new Map(shown.config.map(({ name, origin }) => [name, origin]));
    expect([origins.get("RAY_NUM_CPUS"), origins.get("WAIT_FOR_HEAD")]).toEqual(["environment", "default"]);
  });

  test("whom it would join", async () => {
    await rig.health();
    const gcs = await FakeGcs.start({ host: rig.host("ray-cpu"), port: 6379 });
    try {
      const shown = await report("ray-gpu");
      expect(shown).toMatchObject({
        decision: { role: "worker", rule: "3-head-found" },
        plan: { role: "worker" },
      });
      expect(shown.facts.heads[0]?.text).toMatch(/answers as a Ray GCS 2\.60\.0, cluster \w{8} \(\d+ ms\)$/);
      expect(shown.plan?.start.command).toContain(`--address=${rig.host("ray-cpu")}:6379`);
    } finally {
      await gcs.stop();
    }
  });

  test("what it would wait for, and what is there instead of a HEAD", async () => {
    await rig.health();
    const odd = await redis();
    try {
      const shown = await report("stranger", { HEAD_ADDRESS: `127.0.0.1:${odd.address.port}` });
      expect(shown).toMatchObject({
        decision: { role: "wait", rule: "1-explicit-head" },
        facts: {
          heads: [{ name: null, kind: "not-ray", text: expect.stringContaining("the Redis protocol") }],
        },
        plan: null,
      });
    } finally {
      await odd.stop();
    }
  });

  test("C4 C5 E6 who it is and what it was told, as a start says it", async () => {
    const env = { HEAD_WHITELIST: "vm.lab vm.dev", HEALTH_URL: "none", HEAD_WHITLIST: "vm" };
    expect((await report("vm", { ...env, HEAD_ADDRESS: "localhost:6379" })).introduction).toEqual([
      expect.stringMatching(
        /^→ Node is not in head whitelist: vm is none of vm\.lab, vm\.dev; it may be any of /,
      ),
      expect.stringMatching(/^→ Ray requires no token: /),
      expect.stringMatching(/^✗ HEAD_WHITLIST is not a variable of this program/),
      "→ Did you mean HEAD_WHITELIST?",
      expect.stringMatching(/^→ HEAD_ADDRESS=localhost:6379 names .*localhost means that machine itself$/),
    ]);
  });

  test("that an explicit HEAD leads where nobody grants a lease", async () => {
    const shown = await report("ray-cpu", { HEAD_ADDRESS: "ray-cpu:6379", HEALTH_URL: "none" });
    expect(shown.decision).toMatchObject({ role: "head", rule: "1-explicit-head" });
    expect(shown.decision.text).not.toContain("grants");
  });

  test("that it would end, and with which code", async () => {
    await rig.health();
    const gcs = await FakeGcs.start({ host: rig.host("ray-cpu"), port: 6379, token: "s3cret" });
    try {
      const shown = await report("ray-gpu");
      expect(shown).toMatchObject({ decision: { role: "none" }, plan: null, exitCode: 78 });
    } finally {
      await gcs.stop();
    }
  });
});

describe("--dry-run", () => {
  test("changes nothing: no lease, no process, no file", async () => {
    await rig.health();
    const requirements = join(rig.folder, "requirements.txt");
    writeFileSync(requirements, "numpy\n");
    const before = await world();
    const shown = await report("ray-cpu", { RAY_EP_PIP_REQUIREMENTS: requirements });
    const text = rig.node("ray-gpu", {}, ["--dry-run"]);
    expect(await text.exit()).toBe(0);
    expect(shown.plan?.before[0]?.command.at(-1)).toBe(requirements);
    expect(await world()).toEqual(before);
  });

  test("says for people what --json says for programs", async () => {
    await rig.health();
    const text = rig.node("ray-gpu", {}, ["--dry-run"]);
    await text.exit();
    for (const words of [
      /^Dry run of ray-entrypoint .* on node ray-gpu: nothing is started, no lease is taken$/m,
      /^ {2}HEALTH_URL +http:\/\/.* \(environment\)$/m,
      /^ {2}WAIT_FOR_HEAD +60 {2}\(default\)$/m,
      /^ {2}✓ Health service is up at .* nobody holds the head lease$/m,
      /refuses connections: nothing listens there \(\d+ ms\)$/m,
      /^Decision \(rule 3-head-lease\)$/m,
      /^ {2}command {2}.*\/bin\/ray start --head --block/m,
      /^ {2}PATH {5}/m,
      /^Exit code 0$/m,
    ])
      expect(text.stdout).toMatch(words);
  });

  test("B5 FIFOs that a job of Ray's left in place of files hold nothing up", async () => {
    await rig.health();
    const requirements = join(rig.folder, "requirements");
    const status = join(rig.folder, "status.json");
    for (const folder of [requirements, join(rig.empty, ".ray")]) mkdirSync(folder);
    execFileSync("mkfifo", [status, join(requirements, "a.txt"), join(rig.empty, ".ray", "auth_token")]);
    const shown = await report("ray-cpu", {
      RAY_EP_STATUS_FILE: status,
      RAY_EP_PIP_REQUIREMENTS: requirements,
    });
    expect(shown).toMatchObject({ decision: { role: "ask-lease" }, exitCode: 0 });
  });

  test("refuses a wrong environment like a real run", async () => {
    const bad = rig.node("ray-cpu", { RAY_HEAD_PORT: "63x9" }, ["--dry-run", "--json"]);
    expect([await bad.exit(), bad.stdout]).toEqual([78, ""]);
  });
});
