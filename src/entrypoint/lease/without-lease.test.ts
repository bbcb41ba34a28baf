import { describe, expect, test } from "vitest";
import { granted, leaseHealth, PLAIN, REPORT, REQUEST } from "../../../test/fixtures/facts.ts";
import type { HealthFact } from "../election/facts.ts";
import type { HealthClient } from "./health-client.ts";
import { NO_SERVICE, sparing } from "./without-lease.ts";

type Heard = Exclude<HealthFact, { kind: "unknown" }>;

const time = { ms: 0 };

/** Counts the requests over the network. */
function service(fact: Heard) {
  const calls = { look: 0, write: 0 };
  const state = { fact };
  const client: HealthClient = {
    ...NO_SERVICE,
    look: async () => {
      calls.look += 1;
      return state.fact;
    },
    askLease: async () => {
      calls.write += 1;
      return state.fact.kind === "lease" ? granted() : { kind: "no-answer", cause: "answered 404" };
    },
    report: async () => {
      calls.write += 1;
      return { kind: "no-answer", cause: "answered 404" };
    },
  };
  return { client: sparing(client, { now: () => time.ms }), calls, state };
}

/** The requests of a HEAD to its health service in one minute, from its first look on. */
async function minute(client: HealthClient): Promise<void> {
  for (let second = 0; second < 60; second += 2) {
    await client.askLease(REQUEST, 1000);
    await client.report("ray-cpu", { ...REPORT, ports: [] }, 1000);
    time.ms += 2000;
  }
}

describe("E6 a service that keeps no lease", () => {
  test("is asked once in ten seconds and receives no writes", async () => {
    const { client, calls } = service(PLAIN as Heard);
    await client.look(1000);
    await minute(client);
    expect(calls).toEqual({ look: 6, write: 0 });
    expect(await client.askLease(REQUEST, 1000)).toMatchObject({ kind: "no-answer", keepsNone: true });
  });

  test("receives writes from the time at which it keeps a lease", async () => {
    const { client, calls, state } = service(PLAIN as Heard);
    await client.look(1000);
    state.fact = leaseHealth() as Heard;
    time.ms += 10_000;
    expect(await client.askLease(REQUEST, 1000)).toMatchObject({ kind: "granted" });
    state.fact = PLAIN as Heard;
    await client.look(1000);
    await minute(client);
    expect(calls.write).toBe(61);
  });

  test("a service that keeps a lease receives every write", async () => {
    const { client, calls } = service(leaseHealth() as Heard);
    await client.look(1000);
    await minute(client);
    expect(calls).toEqual({ look: 1, write: 60 });
  });
});

test("E6 without a health service nothing is sent and nothing is down", async () => {
  expect(await NO_SERVICE.look(1)).toEqual({ kind: "none", ms: 0 });
  expect(await NO_SERVICE.askLease(REQUEST, 1)).toMatchObject({ keepsNone: true });
});
