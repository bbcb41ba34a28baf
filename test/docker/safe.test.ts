import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hasTokens } from "../../src/common/auth-token.ts";
import { secretsFolder } from "../../src/ws/config/tokens.ts";
import { askedRay } from "../fixtures/docker/ray-images.ts";
import { PROJECT, WsProject } from "../fixtures/docker/ws-project.ts";
import { until } from "../fixtures/until.ts";

/** Whoever has no token gets nothing from the published ports. */
const project = WsProject.open();
const STRANGERS = `${PROJECT}-strangers`;
const node = (name: string) => `${PROJECT}-${name}`;

beforeAll(async () => {
  const up = await project.ws(["up"]);
  expect(up.code, up.text).toBe(0);
  await project.docker("network", "create", "--subnet", "10.198.0.0/24", STRANGERS);
});
afterAll(() => project.docker("network", "rm", STRANGERS));

/** Each use of a port by itself, since one that is refused may leave Ray's modules in any state. */
const USES: Readonly<Record<string, string>> = {
  "a job on 8265": `
from ray.job_submission import JobSubmissionClient
print("let in:", JobSubmissionClient(f"http://{host}:8265").submit_job(entrypoint="true"))`,
  "Ray Client on 10001": `
import ray
from ray.util.client_connect import connect
# The HEAD starts a server for each client; where it is busy, Ray gives up on that server, or takes it for dead (proxier.py, 2.60).
for left in range(3, -1, -1):
    try:
        connect(f"{host}:10001", connection_retries=1)
        break
    except ConnectionAbortedError:
        if left == 0: raise
print("let in:", ray.get(ray.remote(lambda: 1).remote()))`,
  "a GCS call on 6379": `
from ray._raylet import GcsClient
print("let in:", GcsClient(address=f"{host}:6379").internal_kv_keys(b"", None, timeout=10))`,
  "a write of the lease on 8080": `
import os, urllib.request
path = os.environ.get("RAY_EP_HEALTH_TOKEN_FILE")
token = {"authorization": "Bearer " + open(path).read().strip()} if path else {}
request = urllib.request.Request(f"http://{host}:8080/v1/head", b"{}", {"content-type": "application/json", **token}, method="DELETE")
try: print(urllib.request.urlopen(request).status)
except urllib.error.HTTPError as error:
    print("refused" if error.code == 401 else f"let in: {error.code}")`,
};

/** A container in a network of its own, which sees the cluster through the host's address alone. */
async function stranger(program: string, options: readonly string[]): Promise<string> {
  const compose = readFileSync(join(project.folder, "compose.yaml"), "utf8");
  const [, host = ""] = /test-ray-worker:(\d+\.\d+\.\d+\.\d+)/.exec(compose) ?? [];
  const words = ["timeout", "240", "python3", "-c", `host = "${host}"\n${program}`];
  const run = ["run", "--rm", "--network", STRANGERS, ...options, node("ray-cpu"), ...words];
  return (await project.docker(...run)).text;
}

/** What Ray's servers of clients said, for a failure. */
async function clientLogs(): Promise<string> {
  const tail = "tail -n 40 /tmp/ray/session_latest/logs/ray_client_server*";
  return (await project.docker("exec", node("ray-cpu"), "sh", "-c", tail)).text;
}

test.runIf(hasTokens(askedRay() ?? null)).each(Object.entries(USES))(
  "%s is refused without the token, and works with it",
  async (_, program) => {
    const without = await stranger(program, []);
    // Ray Client does not say why.
    expect(without).toMatch(/refused|Unauthorized|Unauthenticated|authentication|connection timeout/i);
    expect(without).not.toContain("let in");
    const folder = secretsFolder(project.state, "docker");
    const has = readdirSync(folder).flatMap((file) => ["-v", `${folder}/${file}:/run/secrets/${file}:ro`]);
    const env = ["-e", "RAY_EP_HEALTH_TOKEN_FILE=/run/secrets/ray_ep_health_token"];
    const within = await stranger(program, [...has, ...env]);
    expect(within, await clientLogs()).toContain("let in");
  },
);

test.each([
  ["docker exec", []],
  ["su - ray", ["su", "-", "ray", "-c"]],
])("ray status works in a node by %s", async (_, before) => {
  const command = before.length > 0 ? [...before, "ray status"] : ["ray", "status"];
  // The autoscaler, whom it asks, looks every five seconds.
  await until("two nodes", async () => {
    const { code, text } = await project.docker("exec", "--user", "root", node("ray-gpu"), ...command);
    expect(code, text).toBe(0);
    return text.match(/^ *1 node_/gm)?.length === 2;
  });
});

test("no token is in what the engine tells of the cluster, in a log, in a list of processes, or in a compose file", async () => {
  const names = await project.containers();
  const images = ["ray-cpu", "health"].map(node);
  const files = ["compose.yaml", "cluster-test.compose.yaml"];
  const composed = await project.docker("compose", "-f", join(project.folder, "compose.yaml"), "config");
  expect(composed.text).toContain("secrets/docker/ray_auth_token");
  const said = await Promise.all([
    project.docker("inspect", ...names),
    ...names.flatMap((name) => [
      project.docker("logs", name),
      project.docker("top", name, "-eo", "pid,args"),
    ]),
    ...images.map((image) => project.docker("image", "history", "--no-trunc", image)),
  ]);
  const texts = [composed, ...said].map(({ text }) => text);
  for (const file of files) texts.push(readFileSync(join(project.folder, file), "utf8"));
  const tokens = Object.values(project.secrets);
  expect(tokens).toHaveLength(2);
  for (const token of tokens) for (const text of texts) expect(text).not.toContain(token);
});
