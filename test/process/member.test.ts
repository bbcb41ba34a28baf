import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createServer as createTls } from "node:tls";
import Ajv from "ajv";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import schema from "../../docs/dry-run.schema.json" with { type: "json" };
import { Certificates } from "../fixtures/certificates.ts";
import { eachRig } from "../fixtures/each-rig.ts";
import { callOverTls } from "../fixtures/members.ts";
import type { Running } from "../fixtures/running.ts";
import { until } from "../fixtures/until.ts";

const rig = eachRig();
const stateOf = (name: string) => join(rig.folder, `state-${name}`);
const clusterDir = () => join(rig.folder, "cluster");
let health: Running;

const startHealth = async () => {
  health = await rig.health({
    RAY_EP_CLUSTER_DIR: clusterDir(),
    RAY_EP_CLUSTER_NAME: "lab",
    RAY_EP_HEALTH_ADVERTISE: `${rig.healthHost}:8443`,
  });
};
beforeEach(startHealth);

function admin(method: string, path: string, body?: unknown) {
  const read = (file: string) => readFileSync(join(clusterDir(), file), "utf8");
  const at = { host: rig.healthHost, port: 8443, ca: read("ca.crt") };
  return callOverTls(at, [method, path, body], read("admin-token").trim());
}

const token = async (more: object = {}): Promise<string> =>
  (await admin("POST", "/v1/tokens", { expiresInS: 3600, once: false, ...more })).body.token;

const members = async (): Promise<string[]> =>
  (await admin("GET", "/v1/members")).body.members.map(({ name }: { name: string }) => name);

/** A node with nothing but the token: what a rig says of its own cluster is left out. */
const member = (name: string, env: Record<string, string>, args: string[] = []): Running =>
  rig.node(name, { HEAD_WHITELIST: "", HEALTH_URL: "", RAY_EP_STATE_DIR: stateOf(name), ...env }, args);

const candidateBy = (word: string, more: Record<string, string> = {}, args: string[] = []) =>
  member("ray-cpu", { RAY_EP_JOIN: word, RAY_EP_CANDIDATE: "true", ...more }, args);

const candidate = async (more?: Record<string, string>) => candidateBy(await token(), more);

async function joinAndStop(): Promise<void> {
  const node = await candidate();
  await node.says("✓ Ray cluster is ready!");
  node.signal("SIGTERM");
  await node.exit();
}

/** Listens where the raylet of a real HEAD does. */
function rayletOf(name: string): () => void {
  const servers = [20_000, 20_001].map((port) => createServer().listen(port, rig.host(name)));
  const close = () => servers.forEach((server) => void server.close());
  onTestFinished(close);
  return close;
}

test("nodes with nothing but a token are a cluster, with no secret where Ray's user sees it", async () => {
  const word = await token();
  const cpu = candidateBy(word);
  await cpu.says("✓ Ray cluster is ready!");
  rayletOf("ray-cpu");
  // As `ws` sets them, for programs that are started beside the node.
  const same = { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN_PATH: join(stateOf("ray-gpu"), "ray-token") };
  const gpu = member("ray-gpu", { RAY_EP_JOIN: word, ...same });
  await gpu.says("✓ Ray worker successfully joined the cluster!");
  expect(gpu.stdout).toContain("✓ Joined the cluster lab as ray-gpu");
  expect(gpu.stdout).toMatch(/→ This node is at 127\.\S+; not taken: /);
  expect(gpu.stdout).toMatch(/✓ The others reach this node at \S+ \(ports 20000, 20001, 20100\)/);
  for (const file of ["membership.json", "ray-token"])
    expect(statSync(join(stateOf("ray-gpu"), file)).mode & 0o777).toBe(0o600);
  const { credential, rayToken } = JSON.parse(
    readFileSync(join(stateOf("ray-gpu"), "membership.json"), "utf8"),
  );
  const open =
    JSON.stringify(rig.rays.runs.map(({ started }) => started)) + cpu.text + gpu.text + health.text;
  for (const secret of [word, credential, rayToken]) expect(open).not.toContain(secret);
  expect(rig.rays.runs[1]?.started.env).toMatchObject(same);
  for (const word of ["--dashboard-agent-listen-port=20002", "--max-worker-port=20999"])
    expect(rig.rays.runs[1]?.started.args).toContain(word);
});

test("a member needs its token no more, nor the health service, to start again", async () => {
  await joinAndStop();
  await admin("DELETE", "/v1/tokens", {});
  health.signal("SIGKILL");
  await health.exit();
  const again = member("ray-cpu", { RAY_EP_SECOND_LOOK: "0", HEALTH_RETRY_INTERVAL: "0.1" });
  await again.says("→ Whether the others reach this node was not checked");
  await again.says("✓ Ray cluster is ready!");
});

test("Ray's token and the CA are renewed: the HEAD restarts first, then the worker; a node that was away has both at its start", async () => {
  const word = await token();
  const cpu = candidateBy(word);
  await cpu.says("✓ Ray cluster is ready!");
  const closeRaylet = rayletOf("ray-cpu");
  const gpu = member("ray-gpu", { RAY_EP_JOIN: word });
  await gpu.says("✓ Ray worker successfully joined the cluster!");
  const rayToken = (name: string) => readFileSync(join(stateOf(name), "ray-token"), "utf8");
  const caOf = (name: string) => JSON.parse(readFileSync(join(stateOf(name), "membership.json"), "utf8")).ca;
  closeRaylet();
  const before = rayToken("ray-gpu");
  const first = caOf("ray-gpu");
  expect((await admin("POST", "/v1/ray-token", {})).body).toEqual({ rayTokenId: 2 });
  await until("the HEAD and then the worker to be started again", () => rig.rays.runs.length === 4);
  const roles = rig.rays.runs.map(({ started }) => started.args.includes("--head"));
  expect(roles).toEqual([true, false, true, false]);
  for (const each of [cpu, gpu]) await each.says("→ draining (new token)");
  expect([rayToken("ray-cpu") === before, rayToken("ray-gpu")]).toEqual([false, rayToken("ray-cpu")]);
  expect([caOf("ray-cpu") === first, caOf("ray-gpu")]).toEqual([false, caOf("ray-cpu")]);
  const late = member("ray-late", { RAY_EP_JOIN: word });
  await late.says("was revoked");
  expect(await late.exit()).toBe(78);
  gpu.signal("SIGTERM");
  expect(await gpu.exit()).toBe(0);
  await admin("POST", "/v1/ray-token", {});
  await until("the HEAD to be started again", () => rig.rays.runs.length === 5);
  const away = rayToken("ray-gpu");
  const again = member("ray-gpu", {});
  await again.says("✓ Ray worker successfully joined the cluster!");
  expect([rayToken("ray-gpu") === away, rayToken("ray-gpu")]).toEqual([false, rayToken("ray-cpu")]);
  expect(caOf("ray-gpu")).toBe(caOf("ray-cpu"));
  expect(again.text).not.toContain("new token");
});

test("one that is removed drains, stays idle, also after a restart, and joins again by another token", async () => {
  const word = await token();
  const first = candidateBy(word);
  await first.says("✓ Ray cluster is ready!");
  await admin("DELETE", "/v1/members/ray-cpu");
  await first.says("→ removal: draining and stopping Ray");
  await first.says("✗ ray-cpu was removed from the cluster lab");
  await until("the end of Ray", () => rig.rays.runs.every(({ gone }) => gone));
  first.signal("SIGTERM");
  expect(await first.exit()).toBe(0);
  const again = candidateBy(word);
  await again.says("This node stays idle");
  again.signal("SIGTERM");
  expect(await again.exit()).toBe(0);
  await (await candidate()).says("✓ Ray cluster is ready!");
  expect(rig.rays.runs).toHaveLength(2);
});

test("one that was removed while it was away hears it before its Ray starts", async () => {
  await joinAndStop();
  await admin("DELETE", "/v1/members/ray-cpu");
  const again = await candidate();
  await again.says("✗ ray-cpu was removed from the cluster lab");
  expect(rig.rays.runs).toHaveLength(1);
});

test("a member whose machine has another address goes on there, and the cluster hears of it", async () => {
  await joinAndStop();
  const [before, now] = [rig.host("ray-cpu"), rig.host("", 4)];
  const again = await candidate({ NODE_IP_ADDRESS: now });
  await again.says(`→ The cluster knows this node at ${before}; it goes on at ${now}`);
  await again.says(`✓ The others reach this node at ${now}`);
  await again.says("✓ Ray cluster is ready!");
  // Its next report says so, which may come after its Ray is ready.
  await until("the cluster to know the new address", async () => {
    const { body } = await admin("GET", "/v1/members");
    return body.candidates === `ray-cpu=${now}:6379`;
  });
});

test("a health service on the machine of a member that has moved is found where both are now", async () => {
  await joinAndStop();
  const file = join(stateOf("ray-cpu"), "membership.json");
  const [before, now] = [rig.host("", 4), rig.healthHost];
  const moved = { address: before, services: [`${before}:8443`] };
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), ...moved }));
  const again = member("ray-cpu", { NODE_IP_ADDRESS: now });
  await again.says(`✓ The others reach this node at ${now}`);
  await again.says("✓ Ray cluster is ready!");
});

test("a member whose Ray needs another certificate and does not get one says so, and goes on", async () => {
  await joinAndStop();
  const file = join(stateOf("ray-cpu"), "membership.json");
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), rayTls: true }));
  const again = member("ray-cpu", {});
  await again.says("✗ This node's Ray needs another certificate and did not get it");
  await again.says("it answered 400");
  await again.says("✓ Ray cluster is ready!");
});

test("a member that its cluster does not know any more says so, with the way out, and Ray runs on", async () => {
  const file = join(rig.folder, "status.json");
  const node = await candidate({ RAY_EP_STATUS_FILE: file });
  await node.says("✓ Ray cluster is ready!");
  health.signal("SIGKILL");
  await health.exit();
  const kept = join(clusterDir(), "cluster.json");
  writeFileSync(kept, JSON.stringify({ ...JSON.parse(readFileSync(kept, "utf8")), members: [] }));
  await startHealth();
  await node.says("✗ The cluster's health service does not know ray-cpu any more");
  expect(node.stdout).toContain("→ Join again: ws leave, then ws join TOKEN.");
  await until("the status", () => readFileSync(file, "utf8").includes('"waits":{"kind":"unknown-member"'));
  expect(rig.rays.runs.map(({ gone }) => gone)).toEqual([false]);
});

test("members hear of a candidate that joins later, and follow it without a restart of their own", async () => {
  const word = await token();
  // Without state it gives the lease back.
  const cpu = candidateBy(word, { RAY_EP_STATE: "none" });
  await cpu.says("✓ Ray cluster is ready!");
  rayletOf("ray-cpu");
  const gpu = member("ray-gpu", { RAY_EP_JOIN: word });
  await gpu.says("✓ Ray worker successfully joined the cluster!");
  const late = { RAY_EP_JOIN: word, RAY_EP_CANDIDATE: "1", NODE_IP_ADDRESS: rig.host("late", 2) };
  const third = member("late", late);
  await third.says("✓ Ray worker successfully joined the cluster!");
  const kept = () => readFileSync(join(stateOf("ray-gpu"), "membership.json"), "utf8");
  await until("the news", () => kept().includes(`late=${rig.host("late", 2)}:6379`));
  cpu.signal("SIGTERM");
  await third.says("✓ Ray cluster is ready!");
  await gpu.says(`WORKER of ${rig.host("late", 2)}:6379`);
  expect(gpu.stdout.split("→ ray-entrypoint")).toHaveLength(2);
});

test("a machine whose clock is an hour ahead joins, by a token that has ended by that clock, and says so", async () => {
  const shift = "const now = Date.now; Date.now = () => now() + 3_600_000;";
  const word = await token({ expiresInS: 1800 });
  const node = candidateBy(word, {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift)}`,
  });
  await node.says("✓ Ray cluster is ready!");
  expect(node.stdout).toContain("✗ Warning: this machine's clock is 1 h ahead of the health service's");
});

test("a dry run joins nothing, and of a member it says what it is a member of", async () => {
  const word = await token();
  const before = candidateBy(word, {}, ["--dry-run", "--json"]);
  expect(await before.exit()).toBe(0);
  const report = JSON.parse(before.stdout);
  expect(report.introduction[0]).toContain(`health service is at ${rig.healthHost}:8443`);
  expect([new Ajv({ strict: false }).validate(schema, report), await members(), before.stderr]).toEqual([
    true,
    [],
    "",
  ]);
  const first = candidateBy(word);
  await first.says("✓ Ray cluster is ready!");
  const after = candidateBy(word, {}, ["--dry-run"]);
  expect(await after.exit()).toBe(0);
  expect(after.stdout).toContain("→ Member ray-cpu of the cluster lab");
  expect(after.stdout).toContain("--runtime-env-agent-port=20004");
  expect(after.stdout).not.toContain(word);
});

describe("a node that does not become a member says why, and leaves nothing", () => {
  const ends = async (node: Running, code: number, ...words: (string | RegExp)[]) => {
    expect([await node.exit(), node.text]).toEqual([code, expect.anything()]);
    for (const each of words) expect(node.stderr).toMatch(each);
    expect(await members()).toEqual([]);
    expect(rig.rays.runs).toEqual([]);
  };

  test("a damaged token, and one that is none", async () => {
    const word = await token();
    await ends(candidateBy(`${word.slice(0, 20)}x${word.slice(21)}`), 78, "damaged");
    await ends(candidateBy("hello"), 78, "starts with ws1");
  });

  test("a token that was revoked", async () => {
    const word = await token();
    await admin("DELETE", "/v1/tokens", {});
    await ends(candidateBy(word), 78, /revoked.*ws token/);
  });

  test("another server with another key: nothing secret is sent to it", async () => {
    const word = await token();
    health.signal("SIGKILL");
    await health.exit();
    let heard = "";
    const { cert, key } = new Certificates(rig.empty).keys([rig.healthHost]);
    const other = createTls({ cert, key }, (socket) => {
      socket.on("data", (data) => (heard += data)).on("error", () => {});
    }).listen(8443, rig.healthHost);
    try {
      const node = candidateBy(word);
      expect(await node.exit()).toBe(78);
      expect(node.stderr).toMatch(/Another server, with another key .* nothing secret was sent/);
      expect(heard).toBe("");
    } finally {
      other.close();
    }
  });

  test("nobody at the address of the token", async () => {
    const word = await token();
    health.signal("SIGKILL");
    await health.exit();
    const node = candidateBy(word);
    expect(await node.exit()).toBe(75);
    expect(node.stderr).toMatch(
      /From here the cluster's health service cannot be reached: .*connection refused/,
    );
  });

  test("variables that its cluster decides, all at once", async () => {
    const auth = { RAY_AUTH_TOKEN: "t", RAY_AUTH_TOKEN_PATH: "/another" };
    const node = await candidate({ HEAD_WHITELIST: "a b", NODE_MANAGER_PORT: "7000", ...auth });
    const names = ["HEAD_WHITELIST", "RAY_AUTH_TOKEN:", "RAY_AUTH_TOKEN_PATH:", "NODE_MANAGER_PORT"];
    await ends(node, 78, "4 problems", ...names);
  });

  test("a name that a member has", async () => {
    const first = await candidate();
    await first.says("✓ Ray cluster is ready!");
    const word = await token();
    const second = candidateBy(word, {
      RAY_EP_STATE_DIR: stateOf("other"),
      NODE_IP_ADDRESS: rig.host("", 3),
    });
    expect(await second.exit()).toBe(78);
    expect(second.stderr).toMatch(
      /name-taken → ray-cpu at \S+ has been a member since .*ws token --replace ray-cpu/,
    );
    expect(await members()).toEqual(["ray-cpu"]);
  });

  test("a port of the block that another program has", async () => {
    const squatter = createServer().listen(20_001, rig.host("ray-cpu"));
    try {
      await ends(await candidate(), 78, /listen on ports .*: 20001/, "ss -ltnp");
    } finally {
      squatter.close();
    }
  });

  /** A node whose join waits for three seconds for a port that another program has. */
  async function joining(word: string) {
    const squatter = createServer().listen(20_001, rig.host("ray-cpu"));
    onTestFinished(() => void squatter.close());
    const node = candidateBy(word);
    await until("the membership", () => existsSync(join(stateOf("ray-cpu"), "membership.json")));
    return { node, squatter };
  }

  test.each([
    [
      "while it looks for the service",
      (word: string) => {
        health.signal("SIGSTOP");
        return { node: candidateBy(word) };
      },
    ],
    ["after it was admitted", joining],
  ])("stopped %s: it ends at once", async (_, begin) => {
    const { node } = await begin(await token());
    // Node itself catches the first two of those that the node waits for.
    await until("the node to heed SIGQUIT", () => {
      const [, caught = "0"] =
        /^SigCgt:\t(\w+)/m.exec(readFileSync(`/proc/${node.pid}/status`, "utf8")) ?? [];
      return ((BigInt(`0x${caught}`) >> 2n) & 1n) === 1n;
    });
    const sent = performance.now();
    node.signal("SIGTERM");
    expect([await node.exit(), performance.now() - sent < 2000]).toEqual([0, true]);
    expect(node.stdout).toContain("✓ Stopped on SIGTERM");
    health.signal("SIGCONT");
    expect(await members()).toEqual([]);
    expect(existsSync(join(stateOf("ray-cpu"), "membership.json"))).toBe(false);
  });

  test("what the cluster does not hear then, it hears at the next start", async () => {
    const word = await token();
    const { node, squatter } = await joining(word);
    health.signal("SIGKILL");
    await health.exit();
    expect(await node.exit()).toBe(78);
    expect(node.stdout).toContain("✗ The cluster did not hear that ray-cpu could not use its membership");
    squatter.close();
    await startHealth();
    expect(await members()).toEqual(["ray-cpu"]);
    await candidateBy(word).says("✓ Ray cluster is ready!");
  });

  test("an address that others cannot reach", async () => {
    await ends(
      await candidate({ NODE_IP_ADDRESS: "", RAY_EP_INTERFACE: "nic9" }),
      78,
      /nic9.*no such interface/,
    );
    await ends(await candidate({ NODE_IP_ADDRESS: "" }), 78, /own loopback/);
  });
});
