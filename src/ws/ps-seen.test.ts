import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type FakeContainer, FakeEngine, inspected } from "../../test/fixtures/docker/fake-engine.ts";
import { FakeGcs, type FakeGcsSettings, fakeNode } from "../../test/fixtures/fake-gcs.ts";
import { until } from "../../test/fixtures/until.ts";
import { pause } from "../common/deadline.ts";
import { renderEnv } from "./commands/env.ts";
import { secretsFolder } from "./config/tokens.ts";
import { keepSecrets, readKept } from "./state/secrets.ts";

/** The output of `ws ps` for a cluster with a fake GCS and engine. */
const IDS = [0, 1, 2].map((i) => String(i).padStart(64, "0"));

const answers = (...services: FakeContainer[]): string => `
  version*) echo 28.1 ;;
  "context inspect"*) echo unix:///run/docker.sock ;;
  "ps "*) printf '%s\\n' ${IDS.slice(0, services.length).join(" ")} ;;
  inspect*) cat <<'JSON'
${inspected(...services)}
JSON
  ;;`;

async function cluster(settings: FakeGcsSettings, ...services: FakeContainer[]) {
  const gcs = await FakeGcs.start(settings);
  onTestFinished(() => gcs.stop());
  const { port } = gcs.address;
  gcs.nodes = [fakeNode("ray-cpu", { isHead: true }), fakeNode("ray-gpu")];
  const config = `
host: { ip_address: 192.0.2.7 }
services:
  health: { enabled: false }
  ray: { cpu: { head_port: ${port} }, gpu: { head_port: ${port + 1} } }
`;
  const ports: Record<string, number> = { "ray-cpu": port, "ray-gpu": port + 1 };
  const containers = services.map((each) => ({ ...each, headPort: ports[each.service] ?? 0 }));
  const says = answers(...containers);
  return { gcs, engine: new FakeEngine(says, config), says };
}

const BOTH = [{ service: "ray-cpu" }, { service: "ray-gpu" }];
const token = "of-the-cluster";

test("E1 ps names a GCS that requires a token, and does not advise to start the cluster", async () => {
  const { engine } = await cluster({ token }, ...BOTH);
  const { code, out } = await engine.ws(["ps"]);
  expect(code).toBe(1);
  expect(out).toContain("✗ The cluster requires a token: the GCS at 127.0.0.1:");
  expect(out).toContain("→ Set the cluster's RAY_AUTH_TOKEN (or");
  expect(out).not.toContain("Start");
});

test("E1 ws up changes nothing of a cluster that refuses its token", async () => {
  const { gcs, engine, says } = await cluster({ token }, ...BOTH);
  const published = `p-ray-cpu\\tcslr-exp-platform\\t0.0.0.0:${gcs.address.port}->6379/tcp\\n`;
  engine.says(`"ps "*--format*) printf '${published}' ;;${says}\n  "compose version"*) echo 5.0 ;;`);
  const { code, err } = await engine.ws(["up"]);
  expect(code, err).toBe(78);
  expect(err).toContain("✗ The cluster requires a token");
  const asked = readFileSync(engine.asked, "utf8");
  expect(asked).not.toMatch(/^(?:start|stop|rm|compose .*(?:up|build))/m);
});

test.each([
  ["the shell", { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: token }, undefined],
  [".env beside config.yaml", {}, `RAY_AUTH_MODE=token # on\nRAY_AUTH_TOKEN="${token}"\n`],
])("E1 the token is taken from %s", async (_, env, dotEnv) => {
  const { engine } = await cluster({ token }, ...BOTH);
  if (dotEnv !== undefined) writeFileSync(join(engine.root, ".env"), dotEnv);
  const { code, out } = await engine.ws(["ps"], env as Record<string, string>);
  expect(out).toContain("HEAD ray-cpu at");
  expect(code).toBe(0);
});

test("E1 the secrets that the cluster was started with are used, whatever this shell or .env says", async () => {
  const { engine } = await cluster({ token }, ...BOTH);
  keepSecrets(join(engine.root, ".ws"), "docker", { RAY_AUTH_TOKEN: token });
  writeFileSync(join(engine.root, ".env"), "RAY_AUTH_TOKEN=another\n");
  for (const env of [{}, { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: "a third" }])
    expect((await engine.ws(["ps"], env as Record<string, string>)).code).toBe(0);
});

test("ws env names the address and the token's file; the token itself is shown by neither it nor, without a terminal, ws open", async () => {
  const { engine } = await cluster({ token }, ...BOTH);
  keepSecrets(join(engine.root, ".ws"), "docker", { RAY_AUTH_TOKEN: token });
  const file = join(engine.root, ".ws/secrets/docker/ray_auth_token");
  const said = await engine.ws(["env"]);
  expect(said.code, said.err).toBe(0);
  expect(said.out.split("\n")).toEqual([
    "unset RAY_AUTH_TOKEN RAY_AUTH_TOKEN_PATH",
    "export RAY_ADDRESS=ray://localhost:10001",
    "export RAY_API_SERVER_ADDRESS=http://localhost:8265",
    "export RAY_AUTH_MODE=token",
    `export RAY_AUTH_TOKEN_PATH=${file}`,
    "",
  ]);
  expect(JSON.parse((await engine.ws(["env", "--json"])).out)).toMatchObject({ RAY_AUTH_TOKEN_PATH: file });
  const opened = await engine.ws(["open"]);
  expect(opened.out).toBe(`http://localhost:8265\n→ The token that it asks for: see ${file}\n`);
});

test("ws open does not wait for a browser that it starts, nor end it", async () => {
  const { engine } = await cluster({}, ...BOTH);
  const [file, note] = [join(engine.bin, "xdg-open"), join(engine.root, "opened")];
  writeFileSync(file, `#!/bin/sh\necho "$$ $1" > ${note}.new\nmv ${note}.new ${note}\nexec sleep 60\n`, {
    mode: 0o755,
  });
  const ending = new AbortController();
  const beganMs = Date.now();
  expect((await engine.ws(["open"], { DISPLAY: ":7" }, ending.signal, true)).code).toBe(0);
  expect(Date.now() - beganMs).toBeLessThan(8000);
  await until("the browser", () => existsSync(note));
  ending.abort();
  const [pid, url] = readFileSync(note, "utf8").trim().split(" ");
  onTestFinished(() => void process.kill(Number(pid)));
  expect(url).toBe("http://localhost:8265");
  await pause(300);
  expect(process.kill(Number(pid), 0)).toBe(true);
});

test("what ws env prints means the same to a shell, whatever the state folder is called", () => {
  const odd = { A: 'it\'s $HOME `x` "y"', B: "/plain/path-1.2:3@x" };
  const script = `${renderEnv(odd)}printf '%s\\0' "$A" "$B" "\${RAY_AUTH_TOKEN-none}"`;
  const read = execFileSync("/bin/sh", ["-euc", script], {
    env: { RAY_AUTH_TOKEN: "old" },
    encoding: "utf8",
  });
  expect(read.split("\0")).toEqual([odd.A, odd.B, "none", ""]);
});

test("E5 a node that ws did not start is listed, without a container", async () => {
  const { gcs, engine } = await cluster({}, ...BOTH);
  gcs.nodes.push(
    ...[fakeNode("by-hand", { address: "10.0.0.9" }), fakeNode("机器"), fakeNode("left", { alive: false })],
  );
  const { code, out } = await engine.ws(["ps"]);
  expect(out).toMatch(/^by-hand +worker +10\.0\.0\.9 +ALIVE .* – +–$/m);
  // Each of these takes two columns of a terminal.
  expect(out).toMatch(/^机器 {5}worker /m);
  expect(out).not.toContain("left");
  expect(code).toBe(0);
  const doctor = await engine.ws(["doctor"]);
  expect(doctor.out).toContain("by-hand: WORKER, ALIVE at 10.0.0.9; it was not started by this ws");
});

test("a service of compose.override.yaml is no node that Ray would list", async () => {
  const sidecar = { service: "sidecar", labels: { "io.ray-entrypoint.part": "other" } };
  const { engine } = await cluster({}, ...BOTH, sidecar);
  expect((await engine.ws(["ps"])).out).toMatch(/^sidecar +other /m);
  const doctor = await engine.ws(["doctor"]);
  expect(doctor.out).toContain("ray-gpu: WORKER, ALIVE");
  expect(doctor.out).not.toContain("sidecar");
});

test("E5 the nodes of another project, which has the same ports, are not shown as ours", async () => {
  const { engine } = await cluster({});
  const { code, out } = await engine.ws(["ps"]);
  expect(code).toBe(1);
  expect(out).not.toContain("ALIVE");
  expect(out).toContain("✗ No GCS answers. → Start the cluster: ./ws up");
  const { services } = JSON.parse((await engine.ws(["ps", "--json"])).out);
  expect(services).toMatchObject([{ name: "ray-cpu", role: null, state: "stopped" }, { name: "ray-gpu" }]);
});

test("E5 ps of the embedded runtime shows no node of Docker's, and says that its cluster runs", async () => {
  const { engine } = await cluster({ host: "0.0.0.0" }, ...BOTH);
  const { code, out, err } = await engine.ws(["--runtime", "embedded", "ps"]);
  expect(code).toBe(1);
  expect(out).not.toContain("ALIVE");
  expect(err).toContain("→ A cluster of the docker runtime runs as well: ./ws --runtime docker ps");
});

test("D16 a node without its container is missing, though the GCS lists it as ALIVE", async () => {
  const { engine } = await cluster({}, { service: "ray-cpu" });
  const { code, out } = await engine.ws(["ps"]);
  expect(code).toBe(1);
  expect(out).toMatch(/^ray-gpu +worker .* missing /m);
  expect(out).toContain("✗ ray-gpu: its container is gone, though the GCS still lists it as ALIVE.");
});

test("E11 if only the HEAD is gone, ps does not advise to start the whole cluster", async () => {
  const { gcs, engine } = await cluster({}, { service: "ray-gpu" });
  await gcs.stop();
  const { code, out } = await engine.ws(["ps"]);
  expect(code).toBe(1);
  expect(out).toContain("✗ No GCS answers, though ray-gpu runs. → Start what is missing: ./ws up");
});

test("a GCS that does not answer is not reported as missing", async () => {
  const { gcs, engine } = await cluster({}, ...BOTH);
  gcs.hangs = true;
  const { code, out } = await engine.ws(["ps"]);
  expect(code).toBe(1);
  expect(out).toContain(`✗ The GCS at 127.0.0.1:${gcs.address.port} does not answer`);
  expect(out).not.toContain("Start");
});

test("D2 docker's stderr is shown but never parsed", async () => {
  const { engine, says } = await cluster({}, ...BOTH);
  const notice = "Emulate Docker CLI using podman [1] {2}";
  engine.says(`*) echo '${notice}' >&2 ;;\nesac\ncase "$*" in${says}`);
  const ps = await engine.ws(["ps"]);
  expect(ps.code, ps.out + ps.err).toBe(0);
  expect(ps.err).toContain(`→ docker says: ${notice}\n`);
  const doctor = await engine.ws(["doctor"]);
  expect(doctor.out).toContain("ray-gpu: WORKER, ALIVE");
  expect(doctor.out).toContain(`→ Docker engine: docker says: ${notice}`);
});

test("D2 a failing engine does not count as one without containers", async () => {
  const { engine } = await cluster({}, ...BOTH);
  engine.says(`version*) echo 28.1 ;;\n*) echo 'the engine is busy' >&2; exit 1 ;;`);
  const ps = await engine.ws(["ps"]);
  expect(ps.code).toBe(75);
  expect(ps.err).toContain("the engine is busy");
  const doctor = await engine.ws(["doctor"]);
  expect(doctor.out).toContain("✗ Cluster: the engine cannot list what runs: the engine is busy");
  expect(doctor.out).toContain("✗ Subnets: the engine cannot list its networks");
});

test("D9 the doctor of an embedded cluster asks its processes, not the engine", async () => {
  const { engine } = await cluster({}, ...BOTH);
  const { out } = await engine.ws(["--runtime", "embedded", "doctor"]);
  expect(out).toContain("→ Cluster: nothing of this project exists (embedded)");
  expect(out).not.toContain("ray-gpu: WORKER");
});

test.each([
  ["DOCKER_HOST", { DOCKER_HOST: "tcp://192.0.2.50:2375" }, "192.0.2.50"],
  ["docker's context", {}, "build.example"],
])("D11 an engine that %s names is looked for there, and named", async (_, env, host) => {
  const { engine, says } = await cluster({}, ...BOTH);
  engine.says(`"context inspect"*) echo ssh://me@build.example ;;\n${says}`);
  const { out } = await engine.ws(["doctor"], env as Record<string, string>);
  expect(out).toContain(`✓ Docker engine: version 28.1, on ${host}`);
  expect(out).toContain(`→ Docker engine: containers run on ${host}: ports are published there`);
});

test("E1 other users can read neither the state folder nor its secrets", async () => {
  const { engine } = await cluster({});
  const kept = { RAY_AUTH_TOKEN: `it's "odd" $1 \\ #x`, RAY_EP_HEALTH_TOKEN: "h" };
  keepSecrets(engine.root, "docker", kept);
  expect(readKept(engine.root, "docker")).toEqual(kept);
  expect(readKept(engine.root, "embedded")).toBeUndefined();
  const folder = secretsFolder(engine.root, "docker");
  const file = join(folder, "ray_auth_token");
  // Each file is mounted by itself, for users of other ids.
  expect(statSync(file).mode & 0o777).toBe(0o444);
  for (const closed of [folder, join(folder, "..")]) expect(statSync(closed).mode & 0o777).toBe(0o700);
  expect((await engine.ws(["--state", engine.root, "down"])).code).toBe(0);
  expect(existsSync(file)).toBe(true);
  expect((await engine.ws(["--state", engine.root, "down", "-v"])).code).toBe(0);
  expect(existsSync(file)).toBe(false);
});
