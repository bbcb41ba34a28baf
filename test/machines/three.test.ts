import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseJoinToken } from "../../src/common/protocol/join-token.ts";
import { HTTP2_OVER_TLS } from "../fixtures/certificates.ts";
import { alive, type LabMachine, LabMachines } from "../fixtures/docker/lab-machines.ts";
import { until } from "../fixtures/until.ts";

/** Three machines become one cluster, as somebody types it; each test goes on where the one before it stopped. */
const lab = LabMachines.open(3);
const [m1, m2, m3] = lab.all as [LabMachine, LabMachine, LabMachine];
const STATE = "/opt/ray-entrypoint/state";
const MIB = 2 ** 20;
let token = "";

const here = (name: string): string => join(import.meta.dirname, name);

test("ws init, and ws join on two others: three nodes ALIVE on the cards of the data network", async () => {
  const init = await m1.ws(["init", "--interface", "data0"]);
  expect(init.code, init.text).toBe(0);
  token = /join (ws1\.\S+)/.exec(init.text)?.[1] ?? "";
  const capture = m1.begin("python3", here("capture.py"), join(m1.folder, "traffic"));
  await capture.says("capturing");
  for (const machine of [m2, m3]) {
    const joined = await machine.ws(["join", token]);
    expect(joined.code, joined.text).toBe(0);
    expect(await machine.must("docker", "exec", machine.node, "cat", "/run/secrets/join_token")).toBe("");
  }
  await alive(m3, [m1, m2, m3]);
  await m1.must("pkill", "-TERM", "-f", "capture.py");
  await capture.exit();
});

test("ws test: every line holds on every pair, and objects of 32 MB take the data network alone", async () => {
  const before = await Promise.all(lab.all.map(cardsOf));
  const { code, text } = await m2.ws(["test"]);
  expect(code, text).toBe(0);
  const after = await Promise.all(lab.all.map(cardsOf));
  for (const [i, { data = 0, mgmt = 0 }] of after.entries()) {
    // Each machine got an object from each other one.
    expect(data - (before[i]?.data ?? 0)).toBeGreaterThan(2 * 32 * MIB);
    expect(mgmt - (before[i]?.mgmt ?? 0)).toBeLessThan(MIB);
  }
});

const cardsOf = async (machine: LabMachine) => ({
  data: await machine.received("data"),
  mgmt: await machine.received("mgmt"),
});

test("no secret is on the wire in clear, in a log, in a list of processes, or in what the engine and Compose know", async () => {
  const parsed = parseJoinToken(token);
  const secret = parsed.ok ? parsed.value.secret : "";
  const memberships = await Promise.all(lab.all.map(membershipOf));
  const rayToken = memberships[0]?.rayToken ?? "";
  const secrets = [token, secret, rayToken, ...memberships.map(({ credential }) => credential)];
  secrets.push(readFileSync(join(m1.state, "cluster/admin-token"), "utf8").trim());
  for (const each of secrets) expect(each.length).toBeGreaterThan(20);
  const traffic = readFileSync(join(m1.folder, "traffic"), "latin1");
  expect(traffic.includes(HTTP2_OVER_TLS)).toBe(true);
  expect([...secrets, "ray.rpc.", "PRIVATE KEY"].filter((each) => traffic.includes(each))).toEqual([]);

  for (const machine of lab.all) {
    const names = (await machine.must("docker", "ps", "--all", "--format", "{{.Names}}")).split("\n");
    const said = await Promise.all([
      machine.must("docker", "inspect", ...names),
      ...names.map((name) => machine.must("docker", "logs", name)),
      machine.must("ps", "axww", "-o", "args"),
    ]);
    said.push(readFileSync(join(machine.state, "machine/compose.yaml"), "utf8"));
    for (const each of secrets) for (const text of said) expect(text).not.toContain(each);
  }
});

const membershipOf = async (machine: LabMachine): Promise<{ credential: string; rayToken: string }> =>
  JSON.parse(
    await machine.must("docker", "exec", "--user", "root", machine.node, "cat", `${STATE}/membership.json`),
  );

/** What must be the same after a reboot: the cluster, and when each node's Ray was started. */
async function raysOf(machines: readonly LabMachine[]): Promise<string[]> {
  return Promise.all(
    machines.map(async (machine) => {
      const pids = await machine.must("docker", "exec", machine.node, "pgrep", "-o", "raylet");
      return `${machine.name} ${pids.trim()}`;
    }),
  );
}

const clusterId = async (): Promise<string> => JSON.parse((await m3.ws(["ps", "--json"])).out).head.clusterId;

test.each([
  ["of machine 2", [m2], [m1, m3]],
  ["of machine 1: the same cluster, and no worker's Ray was restarted", [m1], [m2, m3]],
  ["of both", [m1, m2], [m3]],
])("a reboot %s: the cluster is whole again without a hand", async (_, rebooted, others) => {
  const [id, rays] = [await clusterId(), await raysOf(others)];
  await Promise.all(rebooted.map((machine) => machine.power("stop")));
  await Promise.all(rebooted.map((machine) => machine.power("start")));
  await alive(m3, lab.all, 180_000);
  expect(await clusterId()).toBe(id);
  expect(await raysOf(others)).toEqual(rays);
});

test("ws leave: nothing of it stays; docker run with a token alone makes the same machine a member, also after the token's end", async () => {
  const left = await m3.ws(["leave"]);
  expect(left.code, left.text).toBe(0);
  await alive(m2, [m1, m2]);
  expect(await m3.must("docker", "ps", "--all", "--quiet")).toBe("");
  expect(await m3.must("docker", "volume", "ls", "--quiet")).toBe("");
  const { token: word } = JSON.parse((await m1.ws(["token", "--json", "--once"])).out);
  // In a network of its own the others could not reach it; the token is not used up.
  const bridged = await m3.run("docker", "run", "--rm", "--env", `RAY_EP_JOIN=${word}`, m3.node);
  expect(bridged.code, bridged.text).toBe(78);
  expect(bridged.text).toContain("docker run --network host");
  const options = ["--network", "host", "--restart", "unless-stopped", "--shm-size", "1g"];
  const run = ["run", "--detach", "--name", "ray", ...options, "--volume", `ray-node:${STATE}`];
  await m3.must(
    "docker",
    ...run,
    "--env",
    `RAY_EP_JOIN=${word}`,
    m3.node,
    "--",
    "--object-store-memory=150000000",
  );
  await alive(m2, lab.all);
  expect((await m1.ws(["token", "--revoke"])).code).toBe(0);
  await m3.must("docker", "restart", "ray");
  await alive(m2, lab.all);
});

test("ws remove: the machine is idle, its credential dead and its name free; it joins again, and other layers of its image are told", async () => {
  const removed = await m1.ws(["remove", "m3"]);
  expect(removed.code, removed.text).toBe(0);
  await alive(m2, [m1, m2]);
  await m3.must("docker", "restart", "ray");
  await until("m3 to stay idle", async () =>
    (await m3.must("docker", "logs", "--tail", "5", "ray")).includes("This node stays idle"),
  );
  await m3.must("docker", "rm", "--force", "--volumes", "ray");
  await m3.must("docker", "volume", "rm", "ray-node");
  const { token: word } = JSON.parse((await m1.ws(["token", "--json"])).out);
  const other = "FROM rayproject/ray:latest\\nRUN touch /home/ray/other\\n";
  await m3.must("sh", "-c", `printf '${other}' | docker build --tag other-ray -`);
  const joined = await m3.ws(["join", word, "--image", "other-ray"]);
  expect(joined.code, joined.text).toBe(0);
  expect(joined.text).toMatch(
    /made from other-ray \(layers \w+\), that of m1 from rayproject\/ray:latest \(layers/,
  );
  await alive(m2, lab.all);
});

test("ws remove of a machine that is switched off: back again, it stays idle, and its credential is dead", async () => {
  const { credential } = await membershipOf(m3);
  await m3.power("stop");
  const removed = await m1.ws(["remove", "m3"]);
  expect(removed.code, removed.text).toBe(0);
  await m3.power("start");
  await until("m3 to stay idle", async () =>
    (await m3.must("docker", "logs", "--tail", "5", m3.node)).includes("This node stays idle"),
  );
  const auth = ["--header", `Authorization: Bearer m3:${credential}`];
  const asked = ["curl", "--silent", "--insecure", ...auth, `https://${m1.data}:8443/v1/head`];
  expect(JSON.parse(await m3.must(...asked))).toMatchObject({ reason: "removed" });
  await alive(m2, [m1, m2]);
  expect((await m3.ws(["leave"])).code).toBe(0);
});

test("a machine that has nothing but Docker and a Ray image joins by the carrier, which the first machine hands out", async () => {
  await m1.bring("docker:cli");
  const { commands } = JSON.parse((await m1.ws(["token", "--carrier", "--json"])).out);
  const [load, join] = commands as [string, string];
  await m3.must("docker", "image", "rm", "--force", m3.node, "node:24-bookworm-slim");
  const typed = (line: string) => m3.run("sh", "-c", line);
  expect((await typed(load)).text).toContain("Loaded image: ray-entrypoint");
  expect(await m3.run("docker", "run", "--rm", "ray-entrypoint", "ps")).toMatchObject({
    code: 78,
    text: expect.stringContaining("before the image: -v /var/run/docker.sock:/var/run/docker.sock"),
  });
  // The machines of the lab share their disk.
  const here = join.replace(" ray-entrypoint ", ` --env WS_STATE_DIR=${m3.folder}/carried$&`);
  const refused = await typed(here.replace(/--image .*/, "--image nowhere:1"));
  expect(refused.text).toMatch(/Likely cause: this machine does not reach the image's registry.*--image/);
  expect(refused.code).toBe(75);
  const joined = await typed(here);
  expect(joined.code, joined.text).toBe(0);
  await alive(m2, lab.all);
  // The cluster is told although no container is left of its node.
  for (const words of ["down", "leave"]) {
    const done = await typed(here.replace(/ join .*/, ` ${words}`));
    expect(done.code, done.text).toBe(0);
  }
  expect((await m1.ws(["ps"])).text).not.toContain("m3");
});
