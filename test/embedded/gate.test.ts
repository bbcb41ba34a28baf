import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { formatJoinToken, parseJoinToken } from "../../src/common/protocol/join-token.ts";
import { whyNoFirewall } from "../fixtures/cluster/firewall.ts";
import { type Machine, whyNoMachines } from "../fixtures/cluster/machines.ts";
import { MemberCluster } from "../fixtures/cluster/member-cluster.ts";
import { realRay } from "../fixtures/cluster/real-ray.ts";

/** What keeps a machine out: each with its own sentence, its direction and the way out, and with nothing left of the attempt. */
const obstacle = whyNoMachines() ?? whyNoFirewall();
const why = obstacle ? `: ${obstacle}` : "";
let binDir: string;
let token: string;
beforeAll(async () => {
  binDir = await realRay();
});
const clusterOf = MemberCluster.forAll(() => binDir, 2);

interface Case {
  readonly name: string;
  readonly says: readonly string[];
  readonly code: number;
  /** Puts the obstacle there; returns what takes it away. */
  readonly given?: (m1: Machine, m2: Machine) => void | (() => void) | Promise<() => void>;
  readonly env?: Readonly<Record<string, string>>;
  /** Another token than the right one. */
  readonly token?: (right: string) => string | Promise<string>;
}

/** Machine `at` drops what comes in for these ports. */
const drops = (at: 0 | 1, ports: string) => (m1: Machine, m2: Machine) => {
  const machine = at === 0 ? m1 : m2;
  const rule = ["INPUT", "-i", "data0", "-p", "tcp", "--dport", ports, "-j", "DROP"];
  machine.firewall("-A", ...rule);
  return () => machine.firewall("-D", ...rule);
};

/** A program on the newcomer listens there. */
async function listens(machine: Machine, port: number): Promise<() => void> {
  const code = `require("net").createServer().listen(${port}, () => console.log("listening"))`;
  const program = machine.run("other program", process.execPath, ["-e", code]);
  await program.says("listening");
  return () => program.signal("SIGKILL");
}

const altered = (change: (token: { services: readonly string[]; pin: string; secret: string }) => object) => {
  return (right: string): string => {
    const parsed = parseJoinToken(right);
    if (!parsed.ok) throw new Error(parsed.error);
    return formatJoinToken({ ...parsed.value, ...change(parsed.value) });
  };
};

const OPEN_NEWCOMER = "iptables -I INPUT -p tcp -s 10.77.0.0/24 -m multiport --dports ";
const CASES: readonly Case[] = [
  {
    name: "a port is blocked on machine 2",
    given: drops(1, "20001"),
    says: ["From the health service to this node", "at 10.77.0.2: 20001 (", OPEN_NEWCOMER],
    code: 78,
  },
  {
    name: "the workers' ports alone are blocked on machine 2",
    given: drops(1, "20100:20999"),
    says: ["From the health service to this node", "at 10.77.0.2: 20100 (", OPEN_NEWCOMER],
    code: 78,
  },
  {
    name: "a port is blocked on machine 1",
    given: drops(0, "20001"),
    says: ["From this node to the HEAD m1", "at 10.77.0.1: 20001 (", OPEN_NEWCOMER],
    code: 75,
  },
  {
    name: "the health service's port is blocked on machine 1",
    given: drops(0, "8443"),
    says: ["health service cannot be reached", "10.77.0.1:8443", "firewall of its machine"],
    code: 75,
  },
  {
    name: "its address is that of an engine's bridge",
    given: (_, m2) => {
      m2.ip("link", "add", "docker0", "type", "bridge");
      m2.ip("addr", "add", "172.17.0.1/16", "dev", "docker0");
      m2.ip("link", "set", "docker0", "up");
      return () => m2.ip("link", "delete", "docker0");
    },
    env: { RAY_EP_INTERFACE: "docker0" },
    says: ["cannot reach this node at 172.17.0.1", "10.77.0.2 (data0)", "RAY_EP_INTERFACE"],
    code: 78,
  },
  {
    name: "another program has one of its ports",
    given: (_, m2) => listens(m2, 20_001),
    says: ["Other programs of this machine listen on ports", "20001", "ss -ltnp"],
    code: 78,
  },
  {
    name: "a member has its name",
    env: { RAY_EP_NODE_NAME: "m1" },
    says: ["m1 at 10.77.0.1 is a member since", "last been heard", "ws token --replace m1"],
    code: 78,
  },
  {
    name: "the token is of another cluster",
    token: altered(() => ({ secret: "another-cluster-s-secret" })),
    says: ["did not make this join token", "ws token"],
    code: 78,
  },
  {
    name: "another server, with another key, is at the address",
    token: altered(() => ({ pin: "x".repeat(43) })),
    says: ["Another server, with another key", "nothing secret was sent"],
    code: 78,
  },
  {
    name: "the token is damaged",
    token: (right) => `${right.slice(0, 60)}A${right.slice(61)}`,
    says: ["expected a whole join token, got a damaged one"],
    code: 78,
  },
  {
    name: "the token has expired",
    token: async () => {
      const short = await clusterOf().token({ expiresInS: 1 });
      // The service's clock decides.
      await delay(1100);
      return short;
    },
    says: ["this join token ended at", "here it is", "ws token"],
    code: 78,
  },
];

describe.skipIf(obstacle !== undefined)(`who may not join${why}`, () => {
  beforeAll(async () => {
    const cluster = clusterOf();
    await cluster.service();
    token = await cluster.token();
    const [m1] = cluster.machines;
    if (m1 === undefined) throw new Error("no machine");
    await cluster.join(m1, token, { RAY_EP_CANDIDATE: "true" }).says("✓ Ray cluster is ready!");
  });

  test.each(CASES)("$name", async ({ given, env, token: other, says, code }) => {
    const cluster = clusterOf();
    const [m1, m2] = cluster.machines;
    if (!m1 || !m2) throw new Error("no machines");
    const before = m2.living().length;
    const undo = await given?.(m1, m2);
    const there = m2.living().length - before;
    try {
      const node = cluster.join(m2, (await other?.(token)) ?? token, env);
      expect(await node.exit(), node.text).toBe(code);
      for (const words of says) expect(node.text).toContain(words);
      expect(node.text).not.toContain("ray start");
      expect(m2.living().length - before).toBe(there);
      expect(existsSync(join(cluster.state(m2), "membership.json"))).toBe(false);
      const { members } = JSON.parse((await cluster.ask("GET", "/v1/members")).text);
      expect(members.map(({ name }: { name: string }) => name)).toEqual(["m1"]);
    } finally {
      undo?.();
    }
  });

  test("the line for the firewall that it prints lets it in, under the same name", async () => {
    const cluster = clusterOf();
    const [m1, m2] = cluster.machines;
    if (!m1 || !m2) throw new Error("no machines");
    drops(1, "20000:20999")(m1, m2);
    const refused = cluster.join(m2, token);
    expect(await refused.exit(), refused.text).toBe(78);
    const [, line = ""] = /^ *iptables (.*)$/m.exec(refused.text) ?? [];
    m2.firewall(...line.split(" "));
    await cluster.join(m2, token).says("✓ Ray worker successfully joined the cluster!");
    const { members } = JSON.parse((await cluster.ask("GET", "/v1/members")).text);
    expect(members).toHaveLength(2);
  });
});

describe.skipIf(obstacle !== undefined)(`a cluster with another Ray or another Python${why}`, () => {
  test.each([
    ["Ray", { ray: "2.49.2" }, ["expected Ray 2.49.2", "use an image with that Ray"]],
    ["Python", { python: "3.9" }, ["expected Python 3.9", "use an image with that Python"]],
  ])("of another %s", async (_, has, says) => {
    const cluster = MemberCluster.open(binDir, 2);
    await cluster.service();
    const right = await cluster.token();
    const parsed = parseJoinToken(right);
    const secret = parsed.ok ? parsed.value.secret : "";
    const versions = await versionsOf(cluster);
    const first = { secret, node: "m9", address: "10.77.0.9", candidate: true, ...versions, ...has };
    expect((await cluster.ask("POST", "/v1/join", first)).status).toBe(200);
    const [, m2] = cluster.machines;
    if (m2 === undefined) throw new Error("no machine");
    const node = cluster.join(m2, right);
    expect(await node.exit(), node.text).toBe(78);
    for (const words of says) expect(node.text).toContain(words);
    expect(m2.living()).toEqual([]);
  });
});

/** Of the Ray that the tests have. */
async function versionsOf(cluster: MemberCluster): Promise<{ ray: string; python: string }> {
  const code =
    "import platform, ray; print(ray.__version__, '.'.join(platform.python_version_tuple()[:2]), flush=True)";
  const asked = cluster.machines[0]?.run("versions", join(binDir, "python"), ["-c", code]);
  await asked?.exit();
  const [ray = "", python = ""] = asked?.stdout.trim().split(" ") ?? [];
  return { ray, python };
}
