import { afterEach, describe, expect, test } from "vitest";
import { configOf } from "../../../test/fixtures/config.ts";
import { FakeGcs } from "../../../test/fixtures/fake-gcs.ts";
import { type Address, formatAddress } from "../../common/address.ts";
import { realClock } from "../../common/deadline.ts";
import { openGcs } from "../../gcs/client.ts";
import { publishHeadEpoch, readHeadEpoch } from "../../gcs/head-epoch.ts";
import { probeGcs } from "../../gcs/probe.ts";
import { findOtherHead, type OtherHeadDeps } from "./other-head.ts";

const NO_TOKEN = { token: null };
const NAMES = ["first", "second", "third"] as const;

const open: (() => unknown)[] = [];
afterEach(() => Promise.all(open.splice(0).map((close) => close())));

async function gcsOf(clusterId: number, more: Parameters<typeof FakeGcs.start>[0] = {}): Promise<FakeGcs> {
  const gcs = await FakeGcs.start({ clusterId: `c${clusterId}`.repeat(28), ...more });
  open.push(() => gcs.stop());
  return gcs;
}

function epochAt(address: Address, token: string | null = null): Promise<number> {
  const gcs = openGcs(address, { token });
  open.push(() => gcs.close());
  return readHeadEpoch(gcs, 5000);
}

/** The HEAD `name` under `epoch`, with its own GCS at `own`, looks for the others over real gRPC. */
function lookFrom(
  name: string,
  epoch: number,
  gcss: readonly Pick<FakeGcs, "address">[],
  own: FakeGcs,
  more: Partial<OtherHeadDeps> = {},
) {
  const whitelist = NAMES.map(
    (each, i) => `${each}=${gcss[i] ? formatAddress(gcss[i].address) : "127.0.0.1:1"}`,
  );
  const over = new AbortController();
  const gcs = openGcs(own.address, NO_TOKEN);
  open.push(
    () => gcs.close(),
    () => over.abort(),
  );
  const world: OtherHeadDeps = {
    clock: { pause: (_, signal) => realClock.pause(10, signal) },
    probe: (address, timeoutMs) => probeGcs(address, { ...NO_TOKEN, timeoutMs }),
    epochAt: (address) => epochAt(address),
    publish: (each) => publishHeadEpoch(gcs, each),
    epoch: () => epoch,
    ...more,
  };
  return {
    found: findOtherHead(configOf(name, { HEAD_WHITELIST: whitelist.join(" ") }), world, over.signal),
    over,
  };
}

/** Whether it stays, given enough time to find another. */
async function stays(looking: ReturnType<typeof lookFrom>, other: FakeGcs): Promise<boolean> {
  const { calls } = other;
  const seenOften = (async () => {
    while (other.calls < calls + 12) await realClock.pause(5);
  })();
  return (await Promise.race([looking.found, seenOften])) === undefined;
}

describe("A2 two HEADs that see each other, whatever the health service says", () => {
  test.each([
    ["of two that never had a lease the earlier one stays", 0, 0, "second"],
    ["a lease that was had goes before the place", 0, 1, "first"],
    ["the higher epoch stays", 7, 3, "second"],
    ["the higher epoch stays, also the later one's", 3, 7, "first"],
    ["with one epoch the place decides", 3, 3, "second"],
  ])("%s", async (_, first, second, loser) => {
    const [a, b] = [await gcsOf(1), await gcsOf(2)];
    const atFirst = lookFrom("first", first, [a, b], a);
    const atSecond = lookFrom("second", second, [a, b], b);
    const [losing, winning] = loser === "first" ? [atFirst, atSecond] : [atSecond, atFirst];
    const epochs =
      loser === "first" ? { epoch: second, ownEpoch: first } : { epoch: first, ownEpoch: second };
    expect(await losing.found).toMatchObject({
      kind: "outranked",
      node: loser === "first" ? "second" : "first",
      ...epochs,
    });
    expect(await stays(winning, loser === "first" ? b : a)).toBe(true);
  });

  test("an epoch that is granted while a node leads counts for both HEADs", async () => {
    const [a, b] = [await gcsOf(1), await gcsOf(2)];
    let epoch = 0;
    const atFirst = lookFrom("first", 0, [a, b], a);
    lookFrom("second", 0, [a, b, undefined as never], b, {
      epoch: () => epoch,
      probe: async (address) => ({ address, ms: 0, kind: "refused" }),
    });
    expect(await stays(atFirst, b)).toBe(true);
    epoch = 4;
    expect(await atFirst.found).toMatchObject({ kind: "outranked", node: "second", epoch: 4 });
  });

  test("an epoch that the store kept from an earlier HEAD counts for its present HEAD, so that only one of two gives way", async () => {
    const [a, b] = [await gcsOf(1), await gcsOf(2)];
    a.kv.set("ray_entrypoint/head_epoch", "5");
    const atFirst = lookFrom("first", 0, [a, b], a);
    expect(await lookFrom("second", 3, [a, b], b).found).toMatchObject({ kind: "outranked", epoch: 5 });
    expect(await stays(atFirst, b)).toBe(true);
  });

  test("a HEAD looks for others only after its own GCS serves and has its epoch", async () => {
    const [a, b] = [await gcsOf(1), await gcsOf(2)];
    let served = false;
    const looking = lookFrom("second", 0, [a, b], b, {
      publish: async (epoch) => (served ? { clusterId: b.clusterId, epoch } : undefined),
    });
    expect(await Promise.race([looking.found, realClock.pause(300)])).toBe(true);
    expect(a.calls).toBe(0);
    served = true;
    expect(await looking.found).toMatchObject({ kind: "outranked", node: "first" });
  });

  test("an address that leads back to this node is no other HEAD", async () => {
    const own = await gcsOf(1);
    const byName = { address: { ...own.address, host: "localhost" } };
    expect(await stays(lookFrom("second", 0, [byName, own], own), own)).toBe(true);
  });

  test.each(["", "-1", "1e3", "9999999999999", "three", "99999999999999"])(
    "an invalid epoch counts as 0: %j",
    async (text) => {
      const gcs = await gcsOf(1);
      gcs.kv.set("ray_entrypoint/head_epoch", text);
      expect(await epochAt(gcs.address)).toBe(0);
    },
  );

  test("the epoch of a GCS that requires a token is read with the token", async () => {
    const gcs = await gcsOf(1, { token: "secret" });
    gcs.kv.set("ray_entrypoint/head_epoch", "7");
    expect(await epochAt(gcs.address, "secret")).toBe(7);
    expect(await epochAt(gcs.address)).toBe(0);
  });

  test("it ends when it is aborted", async () => {
    const [a, b] = [await gcsOf(1), await gcsOf(2)];
    const { found, over } = lookFrom("first", 0, [a, b], a);
    over.abort();
    expect(await found).toBeNull();
  });
});
