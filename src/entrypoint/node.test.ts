import { describe, expect, test, vi } from "vitest";
import { GCS, granted, holder, leaseHealth, refusal } from "../../test/fixtures/facts.ts";
import { LOCAL, Script, VirtualNode } from "../../test/fixtures/virtual-node.ts";
import type { Failure } from "../common/failure.ts";
import { err, ok } from "../common/result.ts";
import type { HealthFact } from "./election/facts.ts";
import type { HealthClient } from "./lease/health-client.ts";
import { NO_SERVICE } from "./lease/without-lease.ts";
import { type Event, render } from "./output/event.ts";
import { type ClusterState, NO_STATE } from "./ray/store/state-folder.ts";

const ALONE = { HEAD_WHITELIST: "a" };
const STRICT = { ...ALONE, RAY_EP_FENCING: "strict" };
const head = (more: Partial<Script> = {}, env = {}) =>
  new VirtualNode(Object.assign(new Script(), more), { ...ALONE, ...env });
/** Joins b. */
const worker = (more: Partial<Script> = {}, env = {}) =>
  new VirtualNode(Object.assign(new Script(), { head: GCS }, more), env);

/** A health service that grants each request, until the test changes that. */
const leasing = () => ({
  ...NO_SERVICE,
  look: async () => leaseHealth() as Exclude<HealthFact, { kind: "unknown" }>,
  askLease: vi.fn(async () => granted(1)),
  releaseLease: vi.fn(async () => ok(undefined)),
});

const USED: Failure = { reason: "state-taken", folder: "/state" };
const SEALED: Failure = { reason: "state-unwritable", folder: "/state", code: "EACCES" };
const stateOf = (more: Partial<ClusterState>): ClusterState => ({ ...NO_STATE, ...more });

describe("the state of a cluster", () => {
  const STATE = { RAY_EP_STATE_DIR: "/state" };
  const withState = (own: Partial<ClusterState> = {}) => ({
    lead: vi.fn(() => null),
    renewed: vi.fn(),
    follow: vi.fn(),
    serves: vi.fn((): string | null => "c1"),
    holdsCluster: () => true,
    takeOver: async () => ok({ life: "run-0", epoch: 6 }),
    ...own,
  });

  test.each([
    ["c1", true],
    ["c0", false],
    [null, false],
  ])("a HEAD says whether it serves the cluster that it kept, %s", async (kept, same) => {
    const state = withState({ serves: () => kept });
    const node = await head({ state }, STATE).live(5000);
    expect(node.all("cluster")).toMatchObject([{ id: "c1", before: kept, store: { kind: "rocksdb" } }]);
    expect(render(node.all("cluster")[0] as Event).join()).toMatch(
      same ? /^✓ Same cluster/ : /^→ New cluster/,
    );
  });

  test("it asks for the lease as the successor of its former life, and leads under what it is granted", async () => {
    const [state, health] = [withState(), leasing()];
    health.askLease.mockResolvedValueOnce(granted(7, 5));
    health.askLease.mockResolvedValue(granted(8, 5));
    const node = await head({ state, health }, { ...STATE, HEAD_WHITELIST: "a b" }).live(5000);
    expect(health.askLease).toHaveBeenCalledWith(expect.objectContaining({ after: "run-0", seen: 6 }), 1000);
    expect(state.lead).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ kind: "rocksdb" }), {
      epoch: 7,
      soleSince: 5,
    });
    expect(state.renewed).toHaveBeenLastCalledWith(8);
    node.stopRequest.receive("SIGTERM");
    await node.live(5000);
    expect(health.releaseLease).toHaveBeenCalledWith(expect.objectContaining({ returning: true }), 1000);
  });

  test("a start that fails leaves the lease to the next one where a cluster is kept", async () => {
    const health = leasing();
    const node = head({ state: withState(), health, exitsAfterMs: 900, exitCode: 2 }, STATE);
    expect((await node.live(200_000)).exitCode).toBe(2);
    expect(health.releaseLease).toHaveBeenCalledWith(expect.objectContaining({ returning: true }), 1000);
  });

  test("strict: only the end of the lease itself proves the end of the former life", async () => {
    const health = leasing();
    await head({ state: withState(), health }, { ...STATE, ...STRICT }).live(5000);
    expect(health.askLease).toHaveBeenCalled();
    expect(health.askLease).not.toHaveBeenCalledWith(expect.objectContaining({ after: "run-0" }), 1000);
  });

  test("a single candidate trusts its store also after a service that forgot", async () => {
    const [state, health] = [withState(), leasing()];
    health.askLease.mockResolvedValue(granted(7, 7));
    await head({ state, health }, STATE).live(5000);
    expect(state.lead).toHaveBeenCalledWith(expect.anything(), { epoch: 7, soleSince: 0 });
  });

  test("without a store the lease is given back for good, and a WORKER puts its store aside", async () => {
    const [state, health] = [withState(), leasing()];
    const node = await head({ health }).live(5000);
    node.stopRequest.receive("SIGTERM");
    await node.live(5000);
    expect(health.releaseLease).toHaveBeenCalledWith(expect.objectContaining({ returning: false }), 1000);
    await worker({ state }, STATE).live(5000);
    expect(state.follow).toHaveBeenCalledOnce();
    expect(state.lead).not.toHaveBeenCalled();
  });
});

describe("a start that comes to nothing", () => {
  const taken: Failure = { reason: "port-taken", address: { host: "a", port: 6379 } };
  test.each<[what: string, Partial<Script>, Record<string, string>, exitCode: number]>([
    ["an obstacle", { obstacle: taken }, ALONE, 78],
    ["pip that fails", { local: { ...LOCAL, requirements: ["/r.txt"] }, exitsAfterMs: 9 }, ALONE, 69],
    ["strict, and no guard", { noGuard: "ENOENT", health: leasing() }, STRICT, 71],
    [
      "a store that its GCS cannot use",
      { storeFault: "IO error: No space left on device", rayletAfterMs: Number.POSITIVE_INFINITY },
      { ...ALONE, RAY_EP_STATE_DIR: "/state" },
      74,
    ],
    ["a folder that another Ray uses", { state: stateOf({ takeOver: async () => err(USED) }) }, ALONE, 75],
    ["a store that cannot be written", { state: stateOf({ lead: () => SEALED }) }, ALONE, 74],
    ["a Ray that refuses its options", { exitsAfterMs: 900, exitCode: 2 }, ALONE, 2],
    [
      "another Python",
      { head: GCS, gcs: { clusterId: "c1", alive: true, metadata: '{"python_version": "3.11.9"}' } },
      {},
      78,
    ],
    [
      "a raylet that never comes",
      { rayletAfterMs: Number.POSITIVE_INFINITY },
      { ...ALONE, RAY_EP_READY_TIMEOUT: "60" },
      75,
    ],
    [
      "a raylet that ends each time",
      { gcs: { clusterId: "c1", alive: false }, rayletEndsAfterMs: 15_000 },
      ALONE,
      75,
    ],
    [
      "a node that is never ALIVE",
      { gcs: { clusterId: "c1", alive: false } },
      { ...ALONE, RAY_EP_READY_TIMEOUT: "60" },
      75,
    ],
  ])("%s ends a node that never worked", async (_, more, env, exitCode) => {
    const node = new VirtualNode(Object.assign(new Script(), more), env);
    expect((await node.live(200_000)).exitCode).toBe(exitCode);
  });

  test("lenient, and no guard: Ray runs all the same", async () => {
    const node = await head({ noGuard: "ENOENT" }).live(5000);
    expect(node.all("ready")).toHaveLength(1);
    expect(node.all("guard")).toEqual([{ type: "guard", cause: "ENOENT" }]);
  });

  test("a WORKER whose HEAD goes meanwhile looks for it again", async () => {
    const node = worker({ rayletAfterMs: Number.POSITIVE_INFINITY });
    await node.live(2000);
    node.script.gcs = undefined;
    await node.live(20_000);
    expect(node.all("trouble")[0]?.trouble).toEqual({ kind: "head-lost-in-start", cause: "timeout" });
    expect(node.starts.length).toBeGreaterThan(1);
  });

  test("a WORKER that has seen its HEAD does not take its place at once, though it never was ready", async () => {
    const node = worker({ rayletAfterMs: Number.POSITIVE_INFINITY });
    await node.live(2000);
    Object.assign(node.script, { gcs: undefined, head: { kind: "refused" } });
    await node.live(20_000);
    expect(node.all("trouble")).toHaveLength(1);
    expect(node.starts).toHaveLength(1);
  });
});

describe("a member of a cluster", () => {
  test.each<[kind: string, from: "start" | "ready", spoilt: Partial<Script>]>([
    ["ray-exited", "start", { exitsAfterMs: 8000 }],
    ["gcs-hangs", "ready", { gcs: undefined }],
    ["declared-dead", "ready", { gcs: { clusterId: "c1", alive: false } }],
    ["head-restarted", "ready", { gcs: { clusterId: "c2", alive: true } }],
    ["raylet-gone", "ready", { own: { agent: "well", raylet: "gone" } }],
    ["agent-gone", "ready", { own: { agent: "gone", raylet: "running" } }],
  ])("%s: starts again", async (kind, from, spoilt) => {
    const node = head(from === "start" ? spoilt : {});
    await node.live(5000);
    expect(node.all("ready")).toHaveLength(1);
    Object.assign(node.script, spoilt);
    await node.live(5000);
    Object.assign(node.script, new Script());
    await node.live(5000);
    expect(node.all("trouble")[0]?.trouble.kind).toBe(kind);
    expect(node.all("ready").length).toBeGreaterThan(1);
    expect(node.exitCode).toBeUndefined();
  });

  test("a WORKER whose HEAD is out of reach searches, and moves to the cluster that it finds", async () => {
    const node = await worker().live(5000);
    Object.assign(node.script, { gcs: undefined, head: { kind: "refused" } });
    await node.live(5000);
    expect(node.all("head-out-of-reach")).toHaveLength(1);
    node.script.head = { kind: "ray-gcs", version: "2.60.0", clusterId: "c2" };
    await node.live(3000);
    expect(node.starts).toHaveLength(2);
    node.script.gcs = { clusterId: "c2", alive: true };
    await node.live(3000);
    expect(node.all("ready").map(({ clusterId }) => clusterId)).toEqual(["c1", "c2"]);
    expect(node.all("trouble")).toEqual([]);
  });

  test("one that keeps failing waits longer each time, and RAY_EP_MAX_RESTARTS ends it", async () => {
    const node = await head({}, { RAY_EP_MAX_RESTARTS: "5" }).live(3000);
    node.script.exitsAfterMs = 100;
    node.script.own = { agent: "gone", raylet: "running" };
    await node.live(120_000);
    expect(node.exitCode).toBe(70);
    const gaps = node.starts
      .slice(1)
      .map(({ atMs }, i) => Math.round((atMs - (node.starts[i]?.atMs ?? 0)) / 1000));
    expect(gaps.slice(1)).toEqual([1, 2, 4, 8]);
  });

  test("a HEAD that cannot start its Ray any more lets another lead", async () => {
    const health = leasing();
    const node = await head({ health }).live(3000);
    Object.assign(node.script, { exitsAfterMs: 100, own: { agent: "gone", raylet: "running" } });
    await node.live(30_000);
    expect(node.all("stepped-aside").length).toBeGreaterThan(0);
    expect(health.releaseLease).toHaveBeenCalled();
  });

  test("strict: a HEAD that cannot renew ends its Ray before its lease ends", async () => {
    const health = leasing();
    const node = await head({ health }, STRICT).live(5000);
    health.askLease.mockResolvedValue({ kind: "no-answer", cause: "silence" } as never);
    await node.live(11_000);
    expect(node.all("trouble")[0]?.trouble.kind).toBe("lease-lost");
  });
});

test("strict: a HEAD whose guard is gone, and cannot be replaced in time, ends its Ray", async () => {
  const node = await head({ health: leasing() }, STRICT).live(5000);
  node.script.noGuard = "ENOENT";
  node.guards[0]?.kill();
  await node.live(13_000);
  expect(node.all("trouble")[0]?.trouble).toEqual({ kind: "guard-lost", cause: "ENOENT" });
});

describe("a stop", () => {
  test.each<[how: string, Partial<Script>]>([
    ["drained", {}],
    ["late", { drainsInMs: 60_000 }],
  ])("%s", async (how, more) => {
    const node = await head(more).live(5000);
    node.stopRequest.receive("SIGTERM");
    await node.live(10_000);
    expect(node.all("drained")).toMatchObject([{ how }]);
    expect(node.exitCode).toBe(0);
    expect(await Promise.race([node.guards[0]?.ended, "lives on"])).toBe("exit code 0");
  });

  test("a second signal does not wait for the drain; nor does a WORKER without its HEAD", async () => {
    const urgent = await head({ drainsInMs: 60_000 }).live(5000);
    urgent.stopRequest.receive("SIGTERM");
    await urgent.live(100);
    urgent.stopRequest.receive("SIGTERM");
    await urgent.live(100);
    expect(urgent.all("drained")).toMatchObject([{ how: "urgent" }]);

    const headless = await worker({ drainsInMs: 60_000 }).live(5000);
    headless.script.gcs = undefined;
    headless.stopRequest.receive("SIGTERM");
    await headless.live(3000);
    expect(headless.all("drained")).toMatchObject([{ how: "headless" }]);
  });

  test("a HEAD that is superseded meanwhile does not drain any longer", async () => {
    const health = leasing();
    const node = await head({ health, drainsInMs: 60_000 }).live(5000);
    node.stopRequest.receive("SIGTERM");
    health.askLease.mockResolvedValue(refusal("stale-epoch", holder("b", { epoch: 9 })) as never);
    await node.live(3000);
    expect(node.all("drained")).toMatchObject([{ how: "superseded" }]);
  });

  test.each<[when: string, node: () => VirtualNode, starts: number]>([
    ["while it waits for a HEAD", () => worker({ head: { kind: "refused" } }), 0],
    ["while it installs", () => head({ local: { ...LOCAL, requirements: ["/r.txt"] } }), 1],
    ["before its Ray starts", () => head({ obstacle: new Promise<null>(() => {}) }), 0],
    ["while its Ray starts", () => head({ rayletAfterMs: Number.POSITIVE_INFINITY }), 1],
    ["while it backs off", () => head({ own: { agent: "gone", raylet: "running" } }), 2],
  ])("%s ends it with 0", async (_, make, starts) => {
    const node = await make().live(starts === 2 ? 7500 : 2000);
    expect(node.starts).toHaveLength(starts);
    node.stopRequest.receive("SIGTERM");
    expect((await node.live(3000)).exitCode).toBe(0);
  });

  test("the lease is given back when Ray is gone, and not while something of it lives", async () => {
    for (const sticks of [false, true]) {
      const health = leasing();
      const node = await head({ health, sticks }).live(5000);
      node.stopRequest.receive("SIGTERM");
      await node.live(20_000);
      expect(node.exitCode).toBe(0);
      expect(health.releaseLease).toHaveBeenCalledTimes(sticks ? 0 : 1);
    }
  });
});

test("what is left of a Ray that ended is killed before the next one starts, however long that takes", async () => {
  const node = await head({ exitsAfterMs: 8000, sticks: true }).live(30_000);
  expect(node.starts).toHaveLength(1);
  node.script.sticks = false;
  await node.live(10_000);
  expect(node.starts).toHaveLength(2);
});

test("a HEAD names its cluster with the lease while its Ray runs, and not while it has none", async () => {
  const health = leasing();
  const node = await head({ health }).live(5000);
  expect(health.askLease.mock.lastCall).toMatchObject([{ clusterId: "c1" }, expect.anything()]);
  const obstacle = new Promise<null>(() => {});
  Object.assign(node.script, { own: { agent: "gone", raylet: "running" }, obstacle });
  await node.live(10_000);
  expect(health.askLease.mock.lastCall).toMatchObject([{ clusterId: null }, expect.anything()]);
});

test("a HEAD names its cluster with the lease before it is ready: its GCS serves seconds earlier", async () => {
  const health = leasing();
  const node = await head({ health, gcs: { clusterId: "c1", alive: false } }).live(6000);
  expect(node.all("ready")).toEqual([]);
  expect(health.askLease.mock.lastCall).toMatchObject([{ clusterId: "c1" }, expect.anything()]);
});

test.each<[what: string, env: Record<string, string>, troubles: string[]]>([
  ["gives way", {}, ["outranked"]],
  ["stays where it is the explicit one", { HEAD_ADDRESS: "b:6379" }, []],
])("a HEAD that sees an earlier one %s", async (_, env, troubles) => {
  const script = Object.assign(new Script(), { health: leasing() });
  const node = await new VirtualNode(script, env, "b").live(5000);
  script.gcs = { clusterId: "c1", alive: true, metadata: "9" };
  script.head = { kind: "ray-gcs", version: "2.60.0", clusterId: "c2" };
  await node.live(3000);
  expect(node.all("trouble").map(({ trouble }) => trouble.kind)).toEqual(troubles);
});

describe("another living node of this name", () => {
  test.each([
    ["while it elects", { head: { kind: "refused" as const } }, 0],
    ["while its Ray runs", { head: GCS }, 1],
  ])("%s: the younger one ends", async (_, more, starts) => {
    const report = vi.fn(NO_SERVICE.report);
    const node = worker({ ...more, health: { ...NO_SERVICE, report } });
    await node.live(3000);
    report.mockResolvedValue({ kind: "duplicate-name", message: "two" });
    await node.live(10_000);
    expect(node.exitCode).toBe(78);
    expect(node.all("failed")[0]?.failure.reason).toBe("duplicate-name");
    expect(node.starts).toHaveLength(starts);
  });

  test("the elder one warns, once", async () => {
    const report = vi.fn(
      async () => ({ kind: "noted", instance: "run-1", hasDuplicate: true, epoch: 1 }) as const,
    );
    const node = await worker({ health: { ...NO_SERVICE, report } }).live(10_000);
    expect(node.all("warning").map(({ what }) => what)).toEqual([
      "another living process calls itself a too, and was refused",
    ]);
  });
});

test("a node reports every two seconds, within one where there is news, and how it ends", async () => {
  const at: number[] = [];
  let hasDuplicate = false;
  const report = vi.fn(async (..._: Parameters<HealthClient["report"]>) => {
    at.push(node.nowMs);
    return { kind: "noted", instance: "run-1", hasDuplicate, epoch: 1 } as const;
  });
  const node: VirtualNode = worker({ head: GCS, health: { ...NO_SERVICE, report } });
  await node.live(5000);
  // It warns, which is a line of its log.
  hasDuplicate = true;
  const from = at.length;
  await node.live(9000);
  const gaps = at.slice(from).map((ms, i) => ms - (at[from + i - 1] ?? 0));
  expect(gaps).toEqual([2000, 1000, 2000, 2000, 2000]);
  node.stopRequest.receive("SIGTERM");
  await node.live(10_000);
  expect(node.exitCode).toBe(0);
  // Draining, stopped, and once more with its last words.
  expect(report.mock.calls.slice(-2).map(([, { state }]) => state)).toEqual(["stopped", "stopped"]);
});
