import { expect, test } from "vitest";
import { kill } from "../fixtures/cluster/tagged.ts";
import type { Mode, TcpProxy } from "../fixtures/cluster/tcp-proxy.ts";
import { lasting, timed } from "../fixtures/timed.ts";
import { until } from "../fixtures/until.ts";
import { changesNothing, leads, noRay, worksRight } from "./judge.ts";
import { ALL, CLEAR_MS, CPU, EXTRA, freeze, OVER_MS, RENEW_MS, sharedScene, startNode } from "./rig.ts";

/** Faults after which nothing may have changed: same HEAD, same epoch, same cluster, same nodes. */
const scene = sharedScene();

const linkOf = (name: string): TcpProxy => scene().links[name] as TcpProxy;
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

test("row 9: the HEAD is paused for 8 s", async () => {
  await changesNothing(scene(), async () => {
    freeze(scene(), CPU, "SIGSTOP");
    await lasting(8_000);
    freeze(scene(), CPU, "SIGCONT");
  });
});

test("row 12: the gcs_server is stopped for 5 s", async () => {
  await changesNothing(scene(), async () => {
    const { pid } = scene().cluster.part(CPU, "gcs_server");
    kill(pid, "SIGSTOP");
    await lasting(5_000);
    kill(pid, "SIGCONT");
  });
});

test("row 8, plain: the HEAD's supervisor is frozen for longer than its lease, and its Ray runs on", async () => {
  await changesNothing(scene(), async () => {
    await frozen(CPU, OVER_MS);
  });
});

test("row 39: the HEAD's event loop stands still for 6 s", async () => {
  await changesNothing(scene(), async () => {
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
    await changesNothing(scene(), async () => {
      await cutOff([CPU], mode, OVER_MS);
      await leads(scene());
    });
  },
);

test.each(["refuse", "status-500", "rubbish", "answers-cut", "slow"] as const)(
  "row 21: the health service answers badly (%s): at most one request a second, and nothing happens",
  async (mode) => {
    await changesNothing(scene(), async () => {
      const link = linkOf(CPU);
      const { connections } = link;
      if (mode === "slow") link.delayMs = 30_000;
      else await link.become(mode);
      await lasting(6_000);
      // A renewal and a report every two seconds each, whatever the answers; who is refused is not counted.
      expect(link.connections - connections).toBeLessThanOrEqual(7);
      link.delayMs = 0;
      await link.become("open");
      await leads(scene());
    });
  },
);

test("row 23: a worker is cut from the health service (for 60 s in the long faults)", async () => {
  await changesNothing(scene(), () => cutOff([EXTRA], "silent", 3 * RENEW_MS));
});

test("row 25, plain: everybody is cut from the health service", async () => {
  await changesNothing(scene(), async () => {
    await cutOff(ALL, "silent", OVER_MS);
    await leads(scene());
  });
});

test("row 33: a second node of the same name is refused, and both logs name it", async () => {
  await changesNothing(scene(), async () => {
    const { cluster } = scene();
    const elder = cluster.process(EXTRA);
    // Cut off just before: whoever reports first after 5 s of its silence would own the name.
    await until("the elder to report again", async () => {
      const { nodes } = await cluster.view();
      return nodes.some(({ name, seenAgo }) => name === EXTRA && seenAgo * 1000 < RENEW_MS);
    });
    const mark = elder.mark;
    const second = startNode(scene(), EXTRA);
    // The elder's next two reports prove that it lives: twice the R of the matrix.
    const end = await timed("row 33: refused", () => second.exit(5 * RENEW_MS));
    expect(end, second.text).toBe(78);
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
  expect(await node.exit(15_000)).toBe(0);
  expect(node.text.trimEnd().split("\n").at(-1)).toMatch(/^✓ Stopped on SIGTERM/);
  await noRay(scene(), [EXTRA], CLEAR_MS);
});
