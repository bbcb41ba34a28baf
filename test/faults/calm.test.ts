import { once } from "node:events";
import { createServer } from "node:http";
import { expect, test } from "vitest";
import { kill } from "../fixtures/cluster/tagged.ts";
import type { Mode, TcpProxy } from "../fixtures/cluster/tcp-proxy.ts";
import { until } from "../fixtures/until.ts";
import {
  ALL,
  CLEAR_MS,
  CPU,
  EXTRA,
  freeze,
  GPU,
  LEASE_MS,
  lasting,
  memoryOf,
  noRay,
  observed,
  picture,
  READY,
  RENEW_MS,
  sharedScene,
  startNode,
  timed,
  within,
  worksRight,
} from "./rig.ts";

/** Faults after which nothing may have changed: same HEAD, same epoch, same cluster, same nodes. */
const scene = sharedScene();

/** Longer than a lease lives. */
const OVER_MS = LEASE_MS + 2 * RENEW_MS;

async function changesNothing(work: () => Promise<unknown>): Promise<void> {
  const before = await picture(scene());
  await observed(scene(), work);
  expect(await picture(scene())).toEqual(before);
}

const put = (path: string, body: unknown): Promise<Response> =>
  fetch(`${scene().cluster.healthUrl}${path}`, { method: "PUT", body: JSON.stringify(body) });

const claim = (node: string, epoch: number | null) => ({
  node,
  life: `stranger-${node}`,
  address: "127.0.0.1:1",
  clusterId: null,
  epoch,
  others: "answered",
});

const linkOf = (name: string): TcpProxy => scene().links[name] as TcpProxy;
const holder = async () => (await scene().cluster.view()).holder;

/** Waits until the HEAD holds its lease again. */
const leads = () =>
  until("the HEAD to hold its lease again", async () => {
    const now = await holder();
    return now?.node === CPU && now.expiresIn > 0;
  });

/** Cuts nodes from the health service for a while. */
async function cutOff(names: readonly string[], mode: Mode, ms: number): Promise<void> {
  for (const name of names) await linkOf(name).become(mode);
  await lasting(ms);
  for (const name of names) await linkOf(name).become("open");
}

/** Stops a node's supervisor alone for a while. */
async function frozen(name: string, ms: number): Promise<void> {
  const { pid } = scene().cluster.process(name);
  kill(pid, "SIGSTOP");
  await lasting(ms);
  kill(pid, "SIGCONT");
}

test("row 2: a stranger asks for the lease and is refused", async () => {
  await changesNothing(async () => {
    const answer = await put("/v1/head", claim("stranger", null));
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ granted: false, holder: { node: CPU } });
  });
});

test("row 34: an old epoch, replayed, is refused and changes nothing", async () => {
  await changesNothing(async () => {
    const answer = await put("/v1/head", claim(GPU, 0));
    expect(answer.status).toBe(409);
  });
});

test("row 9: the HEAD is paused for 8 s", async () => {
  await changesNothing(async () => {
    freeze(scene(), CPU, "SIGSTOP");
    await lasting(8_000);
    freeze(scene(), CPU, "SIGCONT");
  });
});

test("row 12: the gcs_server is stopped for 5 s", async () => {
  await changesNothing(async () => {
    const { pid } = scene().cluster.part(CPU, "gcs_server");
    kill(pid, "SIGSTOP");
    await lasting(5_000);
    kill(pid, "SIGCONT");
  });
});

test("row 8, plain: the HEAD's supervisor is frozen for longer than its lease, and its Ray runs on", async () => {
  await changesNothing(async () => {
    await frozen(CPU, OVER_MS);
  });
});

test("row 39: the HEAD's event loop stands still for 6 s", async () => {
  await changesNothing(async () => {
    await frozen(CPU, 6_000);
    await until(
      "the lease to be renewed",
      async () => ((await scene().cluster.view()).holder?.expiresIn ?? 0) > 10,
    );
  });
});

test.each(["silent", "answers-lost", "requests-lost"] as const)(
  "rows 19 and 20, plain: the HEAD alone is cut from the health service (%s)",
  async (mode) => {
    await changesNothing(async () => {
      await cutOff([CPU], mode, OVER_MS);
      await leads();
    });
  },
);

test.each(["refuse", "status-500", "rubbish", "answers-cut", "slow"] as const)(
  "row 21: the health service answers badly (%s): at most one request a second, and nothing happens",
  async (mode) => {
    await changesNothing(async () => {
      const link = linkOf(CPU);
      const { connections } = link;
      if (mode === "slow") link.delayMs = 30_000;
      else await link.become(mode);
      await lasting(6_000);
      // A renewal and a report every two seconds each, whatever the answers.
      expect(link.connections - connections).toBeLessThanOrEqual(7);
      link.delayMs = 0;
      await link.become("open");
      await leads();
    });
  },
);

test("row 23: a worker is cut from the health service (for 60 s in the long faults)", async () => {
  await changesNothing(() => cutOff([EXTRA], "silent", 3 * RENEW_MS));
});

test("row 25, plain: everybody is cut from the health service", async () => {
  await changesNothing(async () => {
    await cutOff(ALL, "silent", OVER_MS);
    await leads();
  });
});

test("a plain 200 server takes the health service's place for longer than a lease", async () => {
  await changesNothing(async () => {
    const { cluster } = scene();
    cluster.process("health").signal("SIGKILL");
    await cluster.process("health").ends();
    const { mark } = cluster.process(CPU);
    const plain = createServer((_, answer) => answer.end("OK"));
    plain.listen(cluster.healthAddress);
    await once(plain, "listening");
    await lasting(OVER_MS);
    await cluster.process(CPU).says("Head lease not renewed: the health service answered 200 OK", 0, mark);
    plain.close();
    plain.closeAllConnections();
    await once(plain, "close");
    await cluster.health(memoryOf(cluster));
    await leads();
  });
});

test("row 26: the health service is killed and restarted: same HEAD, same epoch", async () => {
  await changesNothing(async () => {
    const { cluster } = scene();
    cluster.process("health").signal("SIGKILL");
    await cluster.process("health").ends();
    await cluster.health(memoryOf(cluster));
    await until(
      "the HEAD to renew",
      async () => ((await cluster.view()).holder?.expiresIn ?? 0) > 0,
      LEASE_MS,
    );
  });
});

test("row 27: it restarts empty while a rival asks: the holder presents itself, and no epoch is lower", async () => {
  const before = await picture(scene());
  await observed(scene(), async () => {
    const { cluster } = scene();
    for (const name of ["health", GPU]) cluster.process(name).signal("SIGKILL");
    for (const name of ["health", GPU]) await cluster.process(name).ends();
    await cluster.health();
    // One that sees nobody but the service asks at once; one that sees the HEAD joins it.
    const asked = put("/v1/head", { ...claim(GPU, null), others: "silent" });
    const gpu = startNode(scene(), GPU);
    expect((await asked).status).toBe(409);
    await until("the HEAD to present itself", async () => (await holder())?.node === CPU, LEASE_MS);
    await gpu.says(READY, within(scene(), 0, 1));
    expect(gpu.text).toContain("Mode: worker");
  });
  const after = await picture(scene());
  expect(after.epoch).toBeGreaterThanOrEqual(before.epoch);
  expect(after).toMatchObject({ head: CPU, clusterId: before.clusterId });
  expect(after.nodeIds.filter((id) => before.nodeIds.includes(id))).toHaveLength(2);
});

test("row 33: a second node of the same name is refused, and both logs name it", async () => {
  await changesNothing(async () => {
    const { cluster } = scene();
    const elder = cluster.process(EXTRA);
    const mark = elder.mark;
    const second = startNode(scene(), EXTRA);
    // The elder's next two reports prove that it lives: twice the R of the matrix.
    const end = await timed("row 33: refused", () => second.ends(5 * RENEW_MS));
    expect(end.code, second.text).toBe(78);
    expect(second.text).toContain(`Two nodes are named ${EXTRA}`);
    await elder.says(/another living process calls itself extra/, 2 * RENEW_MS, mark);
    // The elder is the one that the next test means.
    cluster.processes.splice(cluster.processes.indexOf(second), 1);
  });
});

test("every node still computes what is right", () => worksRight(scene()));

// The last of the file, since the node ends.
test("row 39: a SIGTERM that comes while a node's event loop stands still is handled after", async () => {
  const node = scene().cluster.process(EXTRA);
  kill(node.pid, "SIGSTOP");
  node.signal("SIGTERM");
  await lasting(6_000);
  expect(node.end).toBeNull();
  kill(node.pid, "SIGCONT");
  expect(await node.ends(15_000)).toEqual({ code: 0, signal: null });
  expect(node.text.trimEnd().split("\n").at(-1)).toMatch(/^✓ Stopped on SIGTERM/);
  await noRay(scene(), [EXTRA], CLEAR_MS);
});
