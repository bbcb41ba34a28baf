import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasTokens } from "../../src/common/auth-token.ts";
import { probeGcs } from "../../src/gcs/probe.ts";
import { askedRay } from "../fixtures/docker/ray-images.ts";
import { PROJECT, WsProject } from "../fixtures/docker/ws-project.ts";

const project = WsProject.open();
const BOTH = ["ray-cpu", "ray-gpu"];

beforeEach(async () => {
  await project.ws(["generate"]);
  await project.compose("build");
});

afterEach(async () => {
  const down = await project.ws(["down", "-v"]);
  expect(down.code, down.text).toBe(0);
});

describe("whoever comes first, there is one HEAD and the other joins it", () => {
  test("ray-gpu first: it leads, ray-cpu joins it, and a test worker told --head ray-gpu:6380 joins as well; all with tokens", async () => {
    await project.compose("up", "--detach", "--no-deps", "health", "ray-gpu");
    expect(await project.becomes(["ray-gpu"])).toBe("ray-gpu");
    await project.compose("up", "--detach", "--no-deps", "ray-cpu");
    expect(await project.becomes(BOTH)).toBe("ray-gpu");
    expect(await project.log("ray-cpu")).toMatch(/^Mode: worker$/m);

    await project.ws(["test", "--up", "--head", "ray-gpu:6380", "--report", join(project.folder, "report")]);
    const outcomes = new Map(project.report().results.map(({ id, outcome }) => [id, outcome]));
    const worker = ["worker/head-address", "worker/mode", "worker/joined", "worker/ray-status", "nat/stays"];
    const across = ["client/init", "pairs/tasks", "pairs/actors", "pairs/objects", "cluster/one-head"];
    for (const id of [...worker, ...across]) expect(outcomes.get(id), id).toBe("ok");
    // ray-cpu was to lead, and the judge does not look away.
    expect(outcomes.get("cluster/head")).toBe("failed");
    expect(await project.log("test-worker")).toContain("HEAD_ADDRESS=ray-gpu:6380");
    await tokensCount();
  });

  test("both at once", async () => {
    await project.compose("up", "--detach", "--no-deps", "health");
    await project.compose("create", "--no-recreate", ...BOTH);
    // One `docker start` of both would start the second when the first is up.
    await Promise.all(BOTH.map((name) => execa("docker", ["start", `${PROJECT}-${name}`])));
    const head = await project.becomes(BOTH);
    for (const name of BOTH)
      expect(await project.log(name)).toMatch(name === head ? /^Mode: head$/m : /^Mode: worker$/m);
  });
});

/** Nobody gets in without them, and nothing shows them: no log, and no list of processes. */
async function tokensCount(): Promise<void> {
  const stranger = await fetch("http://127.0.0.1:8080/v1/head", { method: "DELETE", body: "{}" });
  expect(stranger.status).toBe(401);
  const seen = await probeGcs({ host: "127.0.0.1", port: 6380 }, { token: "another", timeoutMs: 5000 });
  // An earlier Ray takes everybody.
  expect(seen.kind).toBe(hasTokens(askedRay() ?? null) ? "unauthorized" : "ray-gcs");
  const ps = await project.ws(["ps"]);
  expect(ps.code, ps.text).toBe(0);
  const names = await project.containers();
  const words = await Promise.all(
    names.flatMap((name) => [project.docker("logs", name), project.docker("top", name, "-eo", "pid,args")]),
  );
  const secrets = Object.values(project.secrets);
  expect(secrets).toHaveLength(2);
  for (const secret of secrets) for (const { text } of [ps, ...words]) expect(text).not.toContain(secret);
}

describe("parts of the cluster", () => {
  test("only ray-gpu is a cluster, with ray-gpu as HEAD; docker-compose 1.29 runs it as well", async () => {
    project.configure({ services: { ray: { cpu: { enabled: false } } } });
    // Without its plugins the docker command knows no `compose`.
    const old = (await execa("docker-compose", ["version", "--short"], { reject: false })).exitCode === 0;
    const env: Record<string, string> = old ? { DOCKER_CONFIG: join(project.folder, "no-plugins") } : {};
    const up = await project.ws(["up"], env);
    expect(up.code, up.text).toBe(0);
    const again = await project.ws(["up"], env);
    expect(again.text).toContain("nothing was changed");
    expect(await project.roles()).toEqual(["ray-gpu HEAD"]);
    const format = '{{index .Config.Labels "com.docker.compose.version"}}';
    const made = await project.docker("inspect", "--format", format, `${PROJECT}-ray-gpu`);
    if (old) expect(made.text).toMatch(/^1\.29/);
  });
});
