import { expect, test } from "vitest";
import { kill } from "../fixtures/cluster/tagged.ts";
import { until } from "../fixtures/until.ts";
import {
  ALL,
  BOOT_MS,
  CPU,
  EXTRA,
  freeze,
  GPU,
  LEASE_MS,
  lasting,
  memoryOf,
  observed,
  picture,
  RENEW_MS,
  sharedScene,
  startNode,
} from "./rig.ts";

/** Faults after which nothing may have changed: same HEAD, same epoch, same cluster, same nodes. */
const scene = sharedScene();

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
    const { pid } = scene().cluster.process(CPU);
    kill(pid, "SIGSTOP");
    await lasting(LEASE_MS + 3 * RENEW_MS);
    kill(pid, "SIGCONT");
  });
});

test("row 39: the HEAD's event loop stands still for 6 s", async () => {
  await changesNothing(async () => {
    const { pid } = scene().cluster.process(CPU);
    kill(pid, "SIGSTOP");
    await lasting(6_000);
    kill(pid, "SIGCONT");
    await until(
      "the lease to be renewed",
      async () => ((await scene().cluster.view()).holder?.expiresIn ?? 0) > 10,
    );
  });
});

test("rows 19 and 20, plain: the HEAD alone is cut from the health service, both ways and one way", async () => {
  for (const mode of ["silent", "answers-lost"] as const)
    await changesNothing(async () => {
      await scene().links[CPU]?.become(mode);
      await lasting(LEASE_MS + 3 * RENEW_MS);
      await scene().links[CPU]?.become("open");
      await until("the HEAD to hold its lease again", async () => {
        const { holder } = await scene().cluster.view();
        return holder?.node === CPU && holder.expiresIn > 0;
      });
    });
});

test.each(["refuse", "status-500", "rubbish", "answers-cut"] as const)(
  "row 21: the health service answers badly (%s): at most one request a second, and nothing happens",
  async (mode) => {
    await changesNothing(async () => {
      const link = scene().links[CPU];
      const before = link?.connections ?? 0;
      await link?.become(mode);
      await lasting(5_000);
      // A renewal and a report every two seconds each.
      expect((link?.connections ?? 0) - before).toBeLessThanOrEqual(7);
      await link?.become("open");
    });
  },
);

test("row 23: a worker is cut from the health service for longer than a lease", async () => {
  await changesNothing(async () => {
    await scene().links[EXTRA]?.become("silent");
    await lasting(LEASE_MS + 3 * RENEW_MS);
    await scene().links[EXTRA]?.become("open");
  });
});

test("row 25, plain: everybody is cut from the health service", async () => {
  await changesNothing(async () => {
    for (const name of ALL) await scene().links[name]?.become("silent");
    await lasting(LEASE_MS + 3 * RENEW_MS);
    for (const name of ALL) await scene().links[name]?.become("open");
    await until("the HEAD to hold its lease again", async () => {
      const { holder } = await scene().cluster.view();
      return holder?.node === CPU && holder.expiresIn > 0;
    });
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

test("row 27: the health service restarts empty: the holder presents itself, and no epoch is lower", async () => {
  const before = await picture(scene());
  await observed(scene(), async () => {
    const { cluster } = scene();
    cluster.process("health").signal("SIGKILL");
    await cluster.process("health").ends();
    await cluster.health();
    await until(
      "the HEAD to present itself",
      async () => (await cluster.view()).holder?.node === CPU,
      LEASE_MS,
    );
  });
  const after = await picture(scene());
  expect(after.epoch).toBeGreaterThanOrEqual(before.epoch);
  expect({ ...after, epoch: 0 }).toEqual({ ...before, epoch: 0 });
});

test("row 33: a second node of the same name is refused, and both logs name it", async () => {
  await changesNothing(async () => {
    const { cluster } = scene();
    const elder = cluster.process(EXTRA);
    const mark = elder.mark;
    const second = startNode(scene(), EXTRA, { RAY_EP_READY_TIMEOUT: "60" });
    const end = await second.ends(BOOT_MS);
    expect(end.code, second.text).toBe(78);
    expect(second.text).toContain(`Two nodes are named ${EXTRA}`);
    await elder.says(/another living process calls itself extra/, 10_000, mark);
    // The elder is the one that the next test means.
    cluster.processes.splice(cluster.processes.indexOf(second), 1);
  });
});
