import { describe, expect, test } from "vitest";
import { render } from "../output/event.ts";
import { nearestName } from "./nearest.ts";
import { readConfig } from "./read-config.ts";

const INTERFACES = [
  { name: "lo", address: "127.0.0.1" },
  { name: "data0", address: "10.77.0.1", names: ["gpu01-fast.lab", "gpu01-fast"] },
  // As an engine or Debian writes a machine's own name.
  { name: "mgmt0", address: "10.88.0.1", names: ["vm"] },
];

const read = (hostname: string, env: Record<string, string>) =>
  readConfig({
    env,
    hostname,
    rayWords: [],
    tokenFile: null,
    healthTokenFile: null,
    interfaces: INTERFACES,
  });

function configOf(hostname: string, env: Record<string, string>) {
  const config = read(hostname, env);
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  return config.value;
}

const problemsOf = (env: Record<string, string>) => {
  const config = read("vm", env);
  return config.ok ? [] : config.error;
};

describe("C2 Ray uses the address of the node's own whitelist entry", () => {
  test.each([
    ["an interface has it", { HEAD_WHITELIST: "gpu01=10.77.0.1:6379 gpu02=10.77.0.2:6379" }, "10.77.0.1"],
    ["the entry is the address", { HEAD_WHITELIST: "10.77.0.1 10.77.0.2" }, "10.77.0.1"],
    ["it is another's, behind NAT", { HEAD_WHITELIST: "gpu01=203.0.113.7:6379" }, null],
    ["it is a name", { HEAD_WHITELIST: "gpu01=gpu01-data:6379" }, null],
    ["it is a name that /etc/hosts has", { HEAD_WHITELIST: "gpu01=GPU01-fast:6379" }, "10.77.0.1"],
    ["the entry is such a name alone", { HEAD_WHITELIST: "gpu01-fast gpu02-fast" }, "10.77.0.1"],
    ["HEAD_ADDRESS is a name that /etc/hosts has", { HEAD_ADDRESS: "gpu01-fast.lab:6379" }, "10.77.0.1"],
    [
      "it is loopback, which Ray replaces by another address",
      { HEAD_WHITELIST: "gpu01=127.0.0.1:6379" },
      null,
    ],
    [
      "NODE_IP_ADDRESS was given",
      { HEAD_WHITELIST: "gpu01=10.77.0.1:6379", NODE_IP_ADDRESS: "10.88.0.1" },
      "10.88.0.1",
    ],
    ["HEAD_ADDRESS names it", { HEAD_ADDRESS: "10.77.0.1:6379" }, "10.77.0.1"],
    ["HEAD_ADDRESS_CFG names it", { HEAD_ADDRESS_CFG: "10.77.0.1:6379" }, "10.77.0.1"],
    [
      "HEAD_ADDRESS wins over the entry",
      { HEAD_ADDRESS: "10.77.0.1:6379", HEAD_WHITELIST: "gpu01=10.88.0.1:6379" },
      "10.77.0.1",
    ],
    ["HEAD_ADDRESS names another node", { HEAD_ADDRESS: "10.77.0.2:6379" }, null],
    ["HEAD_ADDRESS names another port of this machine", { HEAD_ADDRESS: "10.77.0.1:6380" }, null],
    ["this node is not in the list", { HEAD_WHITELIST: "other=10.77.0.1:6379" }, null],
  ])("%s", (_, env, address) => {
    expect(configOf("gpu01", env).values.NODE_IP_ADDRESS).toBe(address);
  });

  test("the machine's own name is left to Ray, whatever /etc/hosts says of it", () => {
    expect(configOf("vm", { HEAD_WHITELIST: "vm gpu02" }).values.NODE_IP_ADDRESS).toBeNull();
  });

  test("two entries with one address are named at once", () => {
    expect(problemsOf({ HEAD_WHITELIST: "a=10.77.0.1:6379 b=10.77.0.1:6379 c=10.77.0.1:6380" })).toEqual([
      {
        where: "HEAD_WHITELIST",
        problem: "expected an address of its own for each candidate, got 10.77.0.1:6379 for a and b",
        fix: "Correct the address of one of them, or leave it out.",
      },
    ]);
  });

  test("the log names the card", () => {
    const { ownInterface } = configOf("gpu01", { HEAD_WHITELIST: "gpu01=10.77.0.1:6379" });
    if (ownInterface === undefined) throw new Error("no interface");
    expect(render({ type: "own-interface", ...ownInterface })).toEqual([
      "→ This node is at 10.77.0.1 (data0), as its whitelist entry or HEAD_ADDRESS says",
    ]);
  });
});

describe("C4 an explicit HEAD at this node's own address is this node", () => {
  test.each([
    ["10.88.0.1:6379", {}, true],
    ["10.77.0.1:6379", {}, true],
    ["10.77.0.1:6379", { NODE_IP_ADDRESS: "10.88.0.1" }, true],
    ["10.77.0.1:6380", {}, false],
    ["10.77.0.1:6380", { RAY_HEAD_PORT: "6380" }, true],
    ["10.77.0.2:6379", {}, false],
    ["gpu01-fast:6379", {}, true],
    ["gpu01-fast:6380", {}, false],
    ["vm.:6379", {}, true],
    ["VM:6379", {}, true],
    ["vm.lab.example:6379", {}, true],
    ["other.lab.example:6379", {}, false],
    ["localhost:6379", {}, true],
    ["127.0.0.1:6379", {}, true],
    ["localhost:7000", {}, false],
    // Several nodes of one machine: each has its own address of the loopback network.
    ["127.28.0.3:6379", { NODE_IP_ADDRESS: "127.28.0.3" }, true],
    ["127.28.0.3:6379", { NODE_IP_ADDRESS: "127.28.0.4" }, false],
    ["localhost:6379", { NODE_IP_ADDRESS: "127.28.0.4" }, false],
    ["10.77.0.1:6379", { NODE_IP_ADDRESS: "127.28.0.4" }, false],
    // Another candidate's very name is that candidate's.
    ["vm.lab.example:6379", { HEAD_WHITELIST: "vm vm.lab.example" }, false],
  ])("HEAD_ADDRESS=%s with %o: %s", (HEAD_ADDRESS, env: Record<string, string>, expected) => {
    expect(configOf("vm", { HEAD_ADDRESS, ...env }).explicitHead?.isThisNode).toBe(expected);
  });

  test.each([
    ["localhost:6379", "this node"],
    ["localhost:7000", "the HEAD"],
  ])("loopback as an explicit HEAD is explained: %s", (HEAD_ADDRESS, whom) => {
    const explicit = configOf("vm", { HEAD_ADDRESS }).explicitHead;
    if (explicit === null) throw new Error("no explicit HEAD");
    expect(render({ type: "explicit-head", explicit })).toEqual([
      `→ HEAD_ADDRESS=${HEAD_ADDRESS} names ${whom} explicitly; on every machine localhost means that machine itself`,
    ]);
  });

  test.each(["HEAD_ADDRESS", "HEAD_ADDRESS_CFG", "HEAD_WHITELIST"])(
    "0.0.0.0 is not the address of one host: %s",
    (name) => {
      expect(problemsOf({ [name]: "0.0.0.0:6379" })).toMatchObject([
        { where: name, problem: expect.stringContaining("every address of this machine") },
      ]);
    },
  );

  test.each([
    ["10.77.0.1:6379 10.77.0.2:6379", {}, "10.77.0.1"],
    ["10.77.0.1:6379 10.88.0.1:6380", {}, "vm"],
    ["10.77.0.1:6379 10.88.0.1:6380", { RAY_HEAD_PORT: "6380" }, "10.88.0.1"],
    ["10.77.0.1 10.88.0.1", { NODE_IP_ADDRESS: "10.88.0.1" }, "10.88.0.1"],
    ["localhost", {}, "localhost"],
    ["vm. other", {}, "vm"],
    ["another=10.77.0.1:6379", {}, "vm"],
  ])("a whitelist entry at this node's own address is this node: %s with %o is %s", (list, env, node) => {
    const config = configOf("vm", { HEAD_WHITELIST: list, ...env });
    expect(config.node).toBe(node);
  });
});

describe("C5 the short and the long form of a name mean the whitelist's entry", () => {
  test.each([
    ["gpu01.lab.example", "gpu01 gpu02", "gpu01"],
    ["gpu01", "gpu01.lab.example gpu02.lab.example", "gpu01.lab.example"],
    ["GPU01", "gpu01 gpu02", "gpu01"],
    ["Gpu01.Lab.Example", "gpu01", "gpu01"],
    ["gpu01.a", "gpu01.b", "gpu01.a"],
    ["gpu01", "gpu01.a gpu01.b", "gpu01"],
    ["gpu01", "gpu01 gpu01.b", "gpu01"],
    ["10.0.0.1", "10.0.0.2 10.0.0.3", "10.0.0.1"],
  ])("%s of %s is %s", (hostname, HEAD_WHITELIST, node) => {
    const config = configOf(hostname, { HEAD_WHITELIST });
    expect(config.node).toBe(node);
    const place = config.whitelist.findIndex(({ name }) => name === node);
    expect(config.ownEntry?.name).toBe(place < 0 ? undefined : node);
  });

  test("the log says both names, and which entries match", () => {
    const tell = (hostname: string, HEAD_WHITELIST: string) => {
      const { node, calledItself, alike, whitelist: listed } = configOf(hostname, { HEAD_WHITELIST });
      const whitelist = listed.map(({ name }) => name);
      const place = whitelist.indexOf(node);
      const nearest = nearestName(node, whitelist);
      return render({ type: "candidate", node, calledItself, alike, whitelist, place, nearest });
    };
    expect(tell("gpu01.lab", "gpu01 gpu02")).toEqual([
      "✓ Node is in head whitelist: gpu01 is number 1 of gpu01, gpu02; this node calls itself gpu01.lab",
    ]);
    expect(tell("gpu01", "gpu01.a gpu01.b")).toEqual([
      "→ Node is not in head whitelist: gpu01 is none of gpu01.a, gpu01.b; it may be any of gpu01.a, gpu01.b",
    ]);
    expect(tell("gpu1.lab.example", "gpu01 cpu")).toEqual([
      "→ Node is not in head whitelist: gpu1.lab.example is none of gpu01, cpu; the nearest name is gpu01",
    ]);
  });
});

describe("C6 NODE_IP_ADDRESS is an address of this machine, or a name", () => {
  const own = "10.77.0.1 (data0), 10.88.0.1 (mgmt0)";

  test.each(["0.0.0.0", "10.99.0.1", "255.255.255.255"])(
    "%s is refused, and the valid addresses are named",
    (given) => {
      const problems = problemsOf({ NODE_IP_ADDRESS: given });
      expect(problems).toMatchObject([{ where: "NODE_IP_ADDRESS", problem: expect.stringContaining(given) }]);
      expect(problems[0]?.fix).toContain(`This machine's addresses: ${own}.`);
    },
  );

  test.each(["10.88.0.1", "127.28.0.3", "a-name-behind-nat", "vm"])("%s is taken", (NODE_IP_ADDRESS) => {
    expect(problemsOf({ NODE_IP_ADDRESS })).toEqual([]);
  });

  test("the same as an argument of ray start", () => {
    const rayWords = ["--node-ip-address=10.99.0.1"];
    const surroundings = { env: {}, hostname: "vm", tokenFile: null, healthTokenFile: null };
    expect(readConfig({ ...surroundings, rayWords, interfaces: INTERFACES })).toMatchObject({
      ok: false,
      error: [{ where: "NODE_IP_ADDRESS" }],
    });
    // Where the interfaces are not known, Ray decides.
    expect(readConfig({ ...surroundings, rayWords })).toMatchObject({ ok: true });
  });
});
