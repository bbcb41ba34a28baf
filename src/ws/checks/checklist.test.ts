import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  BIN,
  dashboardNodes,
  GIB,
  goodWorld,
  lifeOf,
  type World,
  WorldServer,
} from "../../../test/fixtures/checks/world.ts";
import { DOWN_EVENT, EVENTS, explicit } from "../../../test/fixtures/events.ts";
import { mangled } from "../../../test/fixtures/mangled.ts";
import { err, ok } from "../../common/result.ts";
import { type Event, render } from "../../entrypoint/output/event.ts";
import { type CheckResult, check } from "./check.ts";
import { CHECKLIST, runChecks } from "./checklist.ts";
import type { CheckContext } from "./context.ts";
import type { Tried } from "./probe.ts";
import { dialCommand } from "./sections/networks.ts";

const server = new WorldServer();
beforeAll(() => server.listen());
afterAll(() => server.close());

type Spoil = (world: World) => void;

async function judge(spoil: Spoil = () => {}, healthPort?: number): Promise<CheckResult[]> {
  const world = goodWorld();
  spoil(world);
  const context = server.contextOf(world, healthPort);
  return runChecks(CHECKLIST, context, () => {}, new AbortController().signal);
}

const idsOf = (results: readonly CheckResult[], outcome: CheckResult["outcome"]): string[] =>
  results
    .filter((each) => each.outcome === outcome)
    .map(({ id }) => id)
    .toSorted();

const IDS = [
  ...["client/init", "client/ping", "client/ports", "client/resources"],
  ...["cluster/cpus", "cluster/found", "cluster/head", "cluster/memory", "cluster/one-head"],
  ...["cluster/ray-status", "cluster/tasks", "cluster/worker"],
  ...["dashboard/logs", "dashboard/nodes", "dashboard/open"],
  ...["health/name", "health/ok", "health/reached", "health/up"],
  ...["nat/apart", "nat/stays"],
  ...["pairs/actors", "pairs/job", "pairs/objects", "pairs/servers", "pairs/tasks"],
  ...["path/folder", "path/login", "path/ray"],
  ...["scenario/1", "scenario/2", "scenario/3"],
  ...["settings/injected", "settings/values", "settings/whitelist"],
  ...["worker/head-address", "worker/joined", "worker/mode", "worker/not-in-whitelist", "worker/ray-status"],
];
const NEEDS_DOCKER = ["nat/apart", "nat/stays", "path/login"];

describe("a good cluster", () => {
  test("docker: every line of the pinned checklist holds", async () => {
    const results = await judge();
    expect(results.filter(({ outcome }) => outcome !== "ok")).toEqual([]);
    expect(idsOf(results, "ok")).toEqual(IDS);
  });

  test("embedded: what needs Docker is skipped with its reason, and all else holds", async () => {
    const results = await judge((world) => {
      world.isolated = false;
    });
    expect(idsOf(results, "failed")).toEqual([]);
    expect(idsOf(results, "skipped")).toEqual(NEEDS_DOCKER);
    expect(idsOf(results, "ok")).toEqual(IDS.filter((id) => !NEEDS_DOCKER.includes(id)));
    for (const { outcome, saw } of results) if (outcome === "skipped") expect(saw).toMatch(/^needs Docker/);
  });
});

/** Another life of a node: `instead` takes an event's place, undefined leaves it out. */
const life =
  (name: string, type: Event["type"], instead?: (event: Event) => Event): Spoil =>
  ({ lives }) => {
    const events = lives[name] ?? [];
    lives[name] = events.flatMap((each) => (each.type === type ? (instead ? [instead(each)] : []) : [each]));
  };
const placed = (name: string, place: number): Spoil =>
  life(name, "candidate", (event) => ({ ...event, place }) as Event);
const plays =
  (name: string, mode: "head" | "worker"): Spoil =>
  ({ lives }) => {
    lives[name] = lifeOf(name, mode);
  };
const clientLog =
  (from: RegExp, to: string): Spoil =>
  (world) => {
    world.clientLog = world.clientLog.map((line) => line.replace(from, to));
  };
/** Replaces what is said to a command. */
const says =
  (pattern: RegExp, answer: string): Spoil =>
  ({ commands }) => {
    commands.unshift([pattern, ok(answer)]);
  };
const status =
  (nodes: number): Spoil =>
  (world) => {
    world.rayStatus = `Active:\n${" 1 node_x\n".repeat(nodes)}Pending:\n`;
  };
const node =
  (index: number, change: Partial<World["nodes"][number]>): Spoil =>
  ({ nodes }) => {
    const [old] = nodes.splice(index, 1);
    if (old !== undefined) nodes.splice(index, 0, { ...old, ...change });
  };
const pairFails =
  (kind: string): Spoil =>
  ({ pairs }) => {
    for (const [i, each] of pairs.entries())
      if (each.kind === kind) pairs[i] = { ...each, ok: each.from !== "ray-gpu" };
  };
/** What the test client's program tried goes otherwise; undefined: was not tried. */
const tries =
  (kind: Tried["kind"], to: string, instead?: Partial<Tried>): Spoil =>
  (world) => {
    world.client = world.client.flatMap((each) => {
      if (each.kind !== kind || each.to !== to) return [each];
      return instead === undefined ? [] : [{ ...each, ...instead }];
    });
  };
const HOST = "192.168.0.10";
const route =
  (path: string, text: string): Spoil =>
  ({ routes }) => {
    routes[path] = text;
  };
const noRoute =
  (path: string): Spoil =>
  ({ routes }) => {
    delete routes[path];
  };

/** Each spoils one thing; all that the judge may then find wrong stands beside it. */
const FAULTS: readonly [what: string, spoil: Spoil, wrong: string[]][] = [
  ["ray-cpu says that it is a worker", plays("ray-cpu", "worker"), ["cluster/head", "scenario/1"]],
  ["ray-cpu is no HEAD for the GCS", node(0, { isHead: false }), ["cluster/head"]],
  [
    "ray-gpu says that it is a head",
    plays("ray-gpu", "head"),
    ["cluster/found", "cluster/worker", "scenario/1"],
  ],
  ["ray-gpu is a HEAD for the GCS", node(1, { isHead: true }), ["cluster/worker"]],
  [
    "ray-gpu says nothing of itself",
    ({ silent }) => void silent.push("ray-gpu"),
    ["cluster/found", "settings/whitelist"],
  ],
  ["a second GCS answers", (world) => world.heads.push(...goodWorld().heads), ["cluster/one-head"]],
  ["ray status shows one node too few", status(2), ["cluster/ray-status", "scenario/2", "worker/ray-status"]],
  ["ray status shows one node too many", status(4), ["cluster/ray-status", "worker/ray-status"]],
  [
    "ray status says nothing that we know",
    (world) => {
      world.rayStatus = "";
    },
    ["cluster/ray-status", "scenario/1", "scenario/2", "worker/ray-status"],
  ],
  [
    "ray-gpu brings fewer CPUs",
    node(1, { resources: { CPU: 2, memory: 8 * GIB * 0.7, object_store_memory: 8 * GIB * 0.3 } }),
    ["cluster/cpus"],
  ],
  ["ray-gpu brings less memory", node(1, { resources: { CPU: 4, memory: 2 * GIB } }), ["cluster/memory"]],
  ["no task runs on ray-gpu", tries("task", "ray-gpu"), ["cluster/tasks"]],
  ["the health service does not know GET /", noRoute("/health"), ["health/ok"]],
  ["HEALTH_URL answers 500 in a node", says(/^ray-gpu .*urllib/, "500"), ["health/name"]],
  ["ray-gpu found the health service down", life("ray-gpu", "health", () => DOWN_EVENT), ["health/reached"]],
  ["the dashboard's port shows something else", route("/", "<title>nginx</title>"), ["dashboard/open"]],
  [
    "the dashboard shows one node less",
    route("/nodes?view=summary", dashboardNodes([0, 2])),
    ["dashboard/nodes"],
  ],
  [
    "the dashboard shows a node that there is not",
    route("/nodes?view=summary", dashboardNodes([0, 1, 2, 3])),
    ["dashboard/nodes"],
  ],
  ["the dashboard has no logs", route("/api/v0/logs", '{"data":{"result":{}}}'), ["dashboard/logs"]],
  ["a log cannot be opened", noRoute("/api/v0/logs/file"), ["dashboard/logs"]],
  [
    "the HEAD does not answer to ping",
    tries("ping", HOST, { ok: false, saw: "100% packet loss" }),
    ["client/ping"],
  ],
  [
    "there is no ping, and no connection either",
    tries("ping", HOST, { kind: "tcp", ok: false, saw: "TimeoutError: timed out" }),
    ["client/ping"],
  ],
  [
    "the Ray Client port is closed",
    tries("port", "10001", { ok: false, saw: "Connection refused" }),
    ["client/ports"],
  ],
  [
    "the test client could not connect",
    clientLog(/✓ Ray client connected/, "✗ Ray client could not connect"),
    ["client/init", "scenario/3"],
  ],
  ["the test client listed no resources", clientLog(/^ {2}.*/, ""), ["scenario/3"]],
  ["the test client saw one node's CPUs only", clientLog(/CPU: 10/, "CPU: 4"), ["scenario/3"]],
  [
    "ray.cluster_resources() lacks CPUs",
    tries("resources", HOST, { saw: '{"CPU": 4}' }),
    ["client/resources"],
  ],
  [
    "the worker takes itself for a candidate",
    placed("test-ray-worker", 1),
    ["settings/whitelist", "worker/not-in-whitelist"],
  ],
  [
    "the worker does not name HEAD_ADDRESS",
    life("test-ray-worker", "explicit-head"),
    ["scenario/2", "worker/head-address"],
  ],
  [
    "the worker goes to another HEAD_ADDRESS",
    life("test-ray-worker", "explicit-head", () => ({
      ...EVENTS["explicit-head"],
      explicit: { ...explicit, address: { host: "ray-cpu", port: 63790 } },
    })),
    ["scenario/2", "worker/head-address"],
  ],
  ["the worker is a head", plays("test-ray-worker", "head"), ["scenario/2", "worker/mode"]],
  ["the worker runs no task", tries("task", "test-ray-worker"), ["worker/joined"]],
  ["the worker brings no CPU", node(2, { resources: {} }), ["worker/joined"]],
  [
    "a setting does not reach ray-gpu",
    ({ environment }) => {
      Object.assign(environment["ray-gpu"] ?? {}, { RAY_NUM_CPUS: "1" });
    },
    ["settings/injected"],
  ],
  [
    "the worker has another whitelist",
    ({ environment }) => {
      Object.assign(environment["test-ray-worker"] ?? {}, { HEAD_WHITELIST: "ray-cpu" });
    },
    ["settings/values"],
  ],
  ["ray-gpu does not find itself in the whitelist", placed("ray-gpu", -1), ["settings/whitelist"]],
  [
    "ray is not found",
    ({ commands }) => void commands.unshift([/^ray-gpu ray --version$/, err("not found")]),
    ["path/ray"],
  ],
  [
    "PATH begins elsewhere",
    ({ environment }) => {
      Object.assign(environment["ray-cpu"] ?? {}, { PATH: `/usr/bin:${BIN}` });
    },
    ["path/folder"],
  ],
  ["a login shell has another ray", says(/ su - ray /, "/usr/bin/ray\n"), ["path/login"]],
  ["tasks do not reach another node", pairFails("task"), ["pairs/tasks"]],
  ["actors do not reach another node", pairFails("actor"), ["pairs/actors"]],
  ["objects do not move", pairFails("object"), ["pairs/objects"]],
  ["a TCP server is not reached", pairFails("server"), ["pairs/servers"]],
  [
    "a pair was not tried",
    (world) => {
      world.pairs = world.pairs.filter(({ kind, to }) => kind !== "task" || to !== "test-ray-worker");
    },
    ["pairs/tasks"],
  ],
  ["the job fails", route("/api/jobs/job-1", '{"status":"FAILED"}'), ["pairs/job"]],
  ["the job says something else", route("/api/jobs/job-1/logs", '{"logs":"no"}'), ["pairs/job"]],
  [
    "the client gets to the HEAD's GCS",
    says(/^test-ray-client .*"172\.28\.0\.3", 6379/s, "connected"),
    ["nat/apart"],
  ],
  [
    "the client is refused by ray-gpu",
    says(/^test-ray-client .*"172\.28\.0\.4", 21001/s, "ECONNREFUSED"),
    ["nat/apart"],
  ],
  [
    "the client gets to the health service",
    says(/^test-ray-client .*"172\.28\.0\.2"/s, "connected"),
    ["nat/apart"],
  ],
  ["ray-cpu gets to the worker", says(/^ray-cpu .*"172\.30\.0\.\d+", 21002/s, "connected"), ["nat/apart"]],
  ["nothing listens where it is dialled", says(/^ray-cpu .*"172\.28\.0\.4"/s, "ECONNREFUSED"), ["nat/apart"]],
  [
    "no Python can dial",
    ({ commands }) => void commands.unshift([/create_connection/, err("no python3")]),
    ["nat/apart"],
  ],
];

describe("one fault is found, and where", () => {
  test.each(FAULTS)("%s", async (_, spoil, wrong) => {
    expect(idsOf(await judge(spoil), "failed")).toEqual(wrong);
  });

  test.each(FAULTS)("%s, in other words than today's", async (_, spoil, wrong) => {
    const reworded: Spoil = (world) => {
      world.render = (event) => render(event).map(mangled);
      spoil(world);
    };
    expect(idsOf(await judge(reworded), "failed")).toEqual(wrong);
  });

  test("the health service has another port than config.yaml says", async () => {
    expect(idsOf(await judge(undefined, 18_080), "failed")).toEqual(["health/up"]);
  });

  test("the worker that the GCS lost after it had judged it alive", async () => {
    const context = server.contextOf(goodWorld());
    const [head] = goodWorld().heads;
    const nodes = goodWorld().nodes.map((each) => ({ ...each, alive: each.name !== "test-ray-worker" }));
    const look: typeof context.look = async () => (head === undefined ? err("no GCS") : ok({ head, nodes }));
    const signal = new AbortController().signal;
    const results = await runChecks(CHECKLIST, { ...context, look }, () => {}, signal);
    expect(idsOf(results, "failed")).toEqual(["nat/stays"]);
  });

  test("a cluster without a GCS: everything that asks it", async () => {
    const results = await judge((world) => {
      world.heads = [];
    });
    const wrong = idsOf(results, "failed");
    for (const id of ["cluster/head", "cluster/one-head", "cluster/cpus", "worker/joined", "nat/stays"])
      expect(wrong).toContain(id);
  });

  test("every check has a fault that it alone, or with those named, finds", () => {
    const found = new Set([...FAULTS.flatMap(([, , wrong]) => wrong), "health/up", "nat/stays"]);
    expect([...found].toSorted()).toEqual(IDS);
  });
});

describe("what counts and what does not", () => {
  test("a node that has only begun says nothing yet", async () => {
    const begun: Spoil = ({ lives }) => void lives["ray-cpu"]?.splice(1);
    expect(idsOf(await judge(begun), "failed")).toEqual(["cluster/head", "scenario/1", "settings/whitelist"]);
  });

  test("the last role of a life counts", async () => {
    const changed: Spoil = ({ lives }) => void lives["ray-gpu"]?.push(EVENTS.decision);
    expect(idsOf(await judge(changed), "failed")).toEqual(["cluster/found", "cluster/worker", "scenario/1"]);
  });

  test("without a ping program the line is skipped, and says why", async () => {
    const results = await judge(tries("ping", HOST, { kind: "tcp", saw: "a TCP connection came through" }));
    expect(idsOf(results, "failed")).toEqual([]);
    expect(results.filter(({ outcome }) => outcome === "skipped")).toMatchObject([
      { id: "client/ping", saw: "the image has no ping program; a TCP connection came through" },
    ]);
  });

  test("su - ray is not judged where no image has that user, and on the others where some have it", async () => {
    const nobody =
      (nodes: RegExp): Spoil =>
      ({ commands }) =>
        void commands.unshift([nodes, err("su -: su: user ray does not exist")]);
    const skipped = async (spoil: Spoil) => idsOf(await judge(spoil), "skipped");
    expect(await skipped(nobody(/ su - ray /))).toEqual(["path/login"]);
    expect(await skipped(nobody(/^ray-cpu su - ray /))).toEqual([]);
    expect(idsOf(await judge(nobody(/ su - ray /)), "failed")).toEqual([]);
  });

  test("memory is judged by what the machine gives, and says that config.yaml wants more", async () => {
    const results = await judge((world) => {
      world.memoryBytes = 4 * GIB;
      for (const i of [0, 1])
        node(i, { resources: { CPU: 4, memory: 3 * GIB, object_store_memory: GIB } })(world);
    });
    expect(idsOf(results, "failed")).toEqual([]);
    expect(results.find(({ id }) => id === "cluster/memory")?.saw).toMatch(
      /expected about 8\.00 GiB, all that this machine gives of the 16\.00 GiB in config\.yaml$/,
    );
  });
});

describe("the program that dials", () => {
  const run = async (port: number): Promise<string> => {
    const [file = "", ...words] = dialCommand("127.0.0.1", port);
    return (await promisify(execFile)(file, words)).stdout.trim();
  };

  test("tells a connection from a refusal", async () => {
    const listener = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => listener.once("listening", resolve));
    const { port } = listener.address() as { port: number };
    expect(await run(port)).toBe("connected");
    await new Promise((resolve) => listener.close(resolve));
    expect(await run(port)).toBe("ECONNREFUSED");
  });
});

test("Ctrl-C ends the checks at once, also in the middle of one that takes its time", async () => {
  const stop = new AbortController();
  const holds = async () => ({ ok: true, saw: "" });
  const stops = () => {
    stop.abort();
    return new Promise<never>(() => {});
  };
  const checks = [
    check("cluster/first", "", holds),
    check("cluster/second", "", stops),
    check("cluster/third", "", holds),
  ];
  const results = await runChecks(checks, {} as CheckContext, () => {}, stop.signal);
  expect(results.map(({ id }) => id)).toEqual(["cluster/first"]);
}, 10_000);
