import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { FakeEngine, inspected } from "../../../test/fixtures/docker/fake-engine.ts";
import { FakeGcs, fakeNode } from "../../../test/fixtures/fake-gcs.ts";

const ID = "0".repeat(64);
/** No GCS answers. */
const CONFIG =
  "host: { ip_address: 192.0.2.7 }\nservices: { ray: { cpu: { head_port: 1 }, gpu: { head_port: 2 } } }\n";
/** A `docker` with one container, whose raylet is that of user 1000. */
const says = (service: string, headPort?: number) => `
  "image ls"*) printf 'p-ray-cpu\\np-health\\n' ;;
  "volume ls"*) echo p-state ;;
  version*) echo 28.1 ;;
  "context inspect"*) echo unix:///run/docker.sock ;;
  exec*stat*) echo 1000 ;;
  "ps "*) echo ${ID} ;;
  inspect*) cat <<'JSON'
${inspected({ service, headPort })}
JSON
  ;;`;

const IN_CPU = ["docker", "exec", "-i", "--user", "1000", "cslr-exp-platform-ray-cpu", "sh", "-c"];

test.each([
  [
    "the command behind the dashes, in the node that is to be the HEAD",
    ["--", "ray", "status", "-v"],
    ["ray", "status", "-v"],
  ],
  [
    "the command behind the dashes, in the node that is named",
    ["ray-cpu", "--", "ls", "--all"],
    ["ls", "--all"],
  ],
  ["a shell", ["ray-cpu"], ["sh", "-c", expect.stringContaining("bash sh")]],
])("ws shell becomes a docker exec as Ray's user, with the node's PATH: %s", async (_, words, command) => {
  const engine = new FakeEngine(says("ray-cpu"), CONFIG);
  await engine.ws(["--runtime", "docker", "shell", ...words]);
  const profile = expect.stringContaining(". $profile");
  expect(engine.became).toEqual([[...IN_CPU, profile, "sh", "env", ...command]]);
});

test("ws shell names what runs where the asked node does not", async () => {
  const engine = new FakeEngine(says("ray-gpu"), CONFIG);
  const { code, err } = await engine.ws(["--runtime", "docker", "shell"]);
  expect(code).toBe(75);
  expect(err).toContain("✗ ray-cpu does not run\n→ These do: ray-gpu. To start what is missing: ws up.\n");
  expect(engine.became).toEqual([]);
});

test("ws run without a HEAD submits nothing", async () => {
  const engine = new FakeEngine(says("ray-cpu"), CONFIG);
  const { code, err } = await engine.ws(["--runtime", "docker", "run", "--", "true"]);
  expect(code).toBe(75);
  expect(err).toContain("✗ No HEAD of this cluster answers\n→ Start it: ws up.");
  const nowhere = await engine.ws(["--runtime", "docker", "run", "--working-dir", "/no/where", "--", "true"]);
  expect(nowhere).toMatchObject({
    code: 74,
    err: expect.stringContaining("✗ /no/where cannot be used: there is no"),
  });
});

test("Ctrl-C while ws run waits for the dashboard submits nothing", async () => {
  const gcs = await FakeGcs.start({});
  const interrupt = new AbortController();
  const dashboard = createServer((request) => {
    request.destroy();
    interrupt.abort();
  });
  await new Promise<void>((done) => dashboard.listen(0, "127.0.0.1", done));
  onTestFinished(async () => {
    dashboard.close();
    await gcs.stop();
  });
  gcs.nodes = [fakeNode("ray-cpu", { isHead: true })];
  const headPort = gcs.address.port;
  const cpu = `head_port: ${headPort}, dashboard_port: ${(dashboard.address() as AddressInfo).port}`;
  const config = `host: { ip_address: 192.0.2.7 }\nservices: { ray: { cpu: { ${cpu} } } }\n`;
  const engine = new FakeEngine(says("ray-cpu", headPort), config);
  const { code, err } = await engine.ws(["--runtime", "docker", "run", "--", "true"], {}, interrupt.signal);
  expect(code, err).toBe(130);
  expect(readFileSync(engine.asked, "utf8")).not.toMatch(/^exec/m);
});

test("ws down of containers says which volumes and images stay", async () => {
  const engine = new FakeEngine(says("ray-cpu"), CONFIG);
  const { code, out } = await engine.ws(["--runtime", "docker", "down", "--yes", "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(out).kept).toEqual([
    { what: "volumes p-state", remove: "ws down -v" },
    {
      what: "images p-health, p-ray-cpu",
      remove: "docker image prune --all --filter label=io.ray-entrypoint.image-of=cslr-exp-platform",
    },
  ]);
});

test("ws doctor --json is every finding with its section, and how many are problems", async () => {
  const engine = new FakeEngine(says("ray-cpu"), CONFIG);
  const { code, out } = await engine.ws(["--runtime", "docker", "doctor", "--json"]);
  const { findings, problems } = JSON.parse(out);
  const bad = findings.filter(({ state }: { state: string }) => state === "bad");
  expect(problems).toBe(bad.length);
  expect(code).toBe(bad.length === 0 ? 0 : 1);
  expect(findings).toContainEqual({
    ...{ section: "This machine", topic: "Node", state: "good", fix: "" },
    saw: expect.stringContaining(process.version),
  });
});
