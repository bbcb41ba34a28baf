import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { type Address, formatAddress } from "../../src/common/address.ts";
import { realClock } from "../../src/common/deadline.ts";
import { Absence } from "../../src/entrypoint/election/absence.ts";
import { type Elector, elect } from "../../src/entrypoint/election/elect.ts";
import { openHealthClient } from "../../src/entrypoint/lease/health-client.ts";
import { probeGcs } from "../../src/gcs/probe.ts";
import { readConfig as readHealthConfig } from "../../src/health-service/read-config.ts";
import { startHealthService } from "../../src/health-service/start.ts";
import { configOf } from "../fixtures/config.ts";
import { FakeGcs } from "../fixtures/fake-gcs.ts";
import { Rig } from "../fixtures/rig.ts";
import { times } from "../fixtures/thorough.ts";

const NAMES = ["ray-cpu", "ray-gpu"];
/** With the bundles, as processes; the others run the same deciding, leasing and HTTP inside this process. */
const WITH_BUNDLES = times(16);
const INSIDE = times(184);
const AT_ONCE = 3;
const INSIDE_AT_ONCE = 23;

let closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.map((close) => close()));
  closing = [];
});

/** Who leads and who follows, after both candidates were started at the same moment. */
type Outcome = { readonly heads: number; readonly workers: number };
const ONE_OF_EACH: Outcome = { heads: 1, workers: 1 };

async function withBundles(): Promise<Outcome> {
  const rig = await new Rig(NAMES).open();
  closing.push(() => rig.close());
  await rig.health();
  const nodes = NAMES.map((name) => rig.node(name));
  await Promise.all(nodes.map((node) => node.says("  resources ")));
  const count = (mode: string) => nodes.filter(({ stdout }) => stdout.includes(`\nMode: ${mode}\n`)).length;
  const heads = rig.rays.runs.filter((ray) => ray.isHead).length;
  expect(count("head")).toBe(heads);
  return { heads, workers: count("worker") };
}

async function inside(round: number): Promise<Outcome> {
  const hosts = NAMES.map((_, i) => `127.${251 + (process.pid % 4)}.${round}.${i + 1}`);
  const url = await healthService();
  const env = { HEAD_WHITELIST: NAMES.map((name, i) => `${name}=${hosts[i]}:6379`).join(" ") };
  const roles = await Promise.all(
    NAMES.map(async (name) => {
      const config = configOf(name, env);
      const role = await electOn(config, url);
      if (role === "head") closing.push(await serveSoon(config.ownAddress));
      return role;
    }),
  );
  const count = (role: string) => roles.filter((each) => each === role).length;
  return { heads: count("head"), workers: count("worker") };
}

async function healthService(): Promise<string> {
  const config = readHealthConfig({}, () => null);
  if (!config.ok) throw new Error("the health service's defaults are wrong");
  const here = { ...config.value, RAY_EP_HEALTH_HOST: "127.0.0.1", RAY_EP_HEALTH_PORT: 0 };
  const started = await startHealthService(here, { version: "1", instance: "i" }, () => {});
  if (!started.ok) throw new Error(started.error.reason);
  closing.push(() => started.value.stop());
  return `http://127.0.0.1:${started.value.port}`;
}

async function electOn(config: ReturnType<typeof configOf>, url: string): Promise<string> {
  const health = openHealthClient(url, null);
  const { node, ownAddress } = config;
  const request = { node, life: node, address: formatAddress(ownAddress), clusterId: null, epoch: null };
  const elector: Elector = {
    config,
    askLease: (others) => health.askLease({ ...request, others }, 5000),
    ownRayVersion: null,
    stop: new AbortController().signal,
    lastRole: null,
    absence: new Absence(realClock),
    onWait: () => {},
  };
  const outcome = await elect(elector, {
    clock: realClock,
    health,
    probe: (address, timeoutMs) => probeGcs(address, { token: null, timeoutMs }),
    log: () => {},
  });
  return outcome.kind === "role" ? outcome.role.role : outcome.kind;
}

/** Ray's boot, of any length. */
async function serveSoon({ host, port }: Address): Promise<() => Promise<void>> {
  await delay(Math.random() * 50);
  const gcs = await FakeGcs.start({ host, port });
  return () => gcs.stop();
}

/** Plays `total` rounds, `atOnce` at a time. */
async function play(
  total: number,
  atOnce: number,
  round: (number: number) => Promise<Outcome>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let done = 0; done < total; done += atOnce) {
    const numbers = Array.from({ length: Math.min(atOnce, total - done) }, (_, i) => done + i);
    outcomes.push(...(await Promise.all(numbers.map(round))));
    await Promise.all(closing.splice(0).map((close) => close()));
  }
  return outcomes;
}

describe("two candidates at once, many times in a row: always one HEAD, and the other joins it", () => {
  test(`${INSIDE} times inside this process`, async () => {
    const outcomes = await play(INSIDE, INSIDE_AT_ONCE, inside);
    expect(outcomes).toEqual(Array.from({ length: INSIDE }, () => ONE_OF_EACH));
  });

  test(`${WITH_BUNDLES} times with the bundles`, async () => {
    const outcomes = await play(WITH_BUNDLES, AT_ONCE, withBundles);
    expect(outcomes).toEqual(Array.from({ length: WITH_BUNDLES }, () => ONE_OF_EACH));
  }, 120_000);
});

describe("three candidates at once", () => {
  test("one HEAD, two WORKERs", async () => {
    const names = ["a", "b", "c"];
    const rig = await new Rig(names).open();
    closing.push(() => rig.close());
    await rig.health();
    const nodes = names.map((name) => rig.node(name));
    await Promise.all(nodes.map((node) => node.says("  resources ")));
    expect(rig.rays.runs.map((ray) => ray.isHead).toSorted()).toEqual([false, false, true]);
  });
});
