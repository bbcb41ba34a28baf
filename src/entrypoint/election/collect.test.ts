import { afterEach, describe, expect, test } from "vitest";
import { configOf } from "../../../test/fixtures/config.ts";
import { DOWN, GCS, holder, leaseHealth, REFUSED, SILENT } from "../../../test/fixtures/facts.ts";
import { silent } from "../../../test/fixtures/odd-servers.ts";
import { type Address, formatAddress } from "../../common/address.ts";
import { realClock } from "../../common/deadline.ts";
import type { ProbeAnswer, ProbeResult } from "../../common/probe-result.ts";
import { probeGcs } from "../../gcs/probe.ts";
import type { Probes } from "../deps.ts";
import { collect } from "./collect.ts";
import type { HealthFact } from "./facts.ts";

const NEVER = new AbortController().signal;
const CONFIG = configOf("a", { HEAD_WHITELIST: "a b c", HEALTH_MAX_RETRIES: "1" });

type Known = Exclude<HealthFact, { kind: "unknown" }>;

/** Probes whose answers the test gives when it likes, in the order that it likes. */
class Scripted implements Probes {
  readonly clock = realClock;
  readonly asked: string[] = [];
  readonly #answers = new Map<string, (result: ProbeResult) => void>();
  #healthy: (fact: Known) => void = () => {};
  readonly health = {
    look: () =>
      new Promise<Known>((resolve) => {
        this.#healthy = resolve;
      }),
  };
  readonly probe = (address: Address): Promise<ProbeResult> => {
    const name = formatAddress(address);
    this.asked.push(name);
    return new Promise((resolve) => this.#answers.set(name, resolve));
  };

  answer(name: string, kind: ProbeAnswer): void {
    const [host = "", port] = name.split(":");
    this.#answers.get(name)?.({ address: { host, port: Number(port) }, ms: 1, ...kind });
  }

  healthSays(fact: HealthFact): void {
    this.#healthy(fact as Known);
  }
}

/** True when `work` is still under way after everything that can happen by itself has happened. */
async function pends(work: Promise<unknown>): Promise<boolean> {
  const turn = new Promise((resolve) => setImmediate(() => setImmediate(() => resolve("pends"))));
  return (await Promise.race([work, turn])) === "pends";
}

describe("asks everybody at once and stops when the matter is settled", () => {
  test("all candidates but this node itself", () => {
    const probes = new Scripted();
    void collect(CONFIG, probes, NEVER);
    expect(probes.asked).toEqual(["b:6379", "c:6379"]);
  });

  test("answers come in the order of the whitelist, whoever was first", async () => {
    const probes = new Scripted();
    const seen = collect(CONFIG, probes, NEVER);
    probes.healthSays(leaseHealth());
    probes.answer("c:6379", SILENT);
    probes.answer("b:6379", REFUSED);
    expect((await seen).heads.map(({ name }) => name)).toEqual(["b", "c"]);
  });

  test("one HEAD and everybody heard: the health service is not waited for", async () => {
    const probes = new Scripted();
    const seen = collect(CONFIG, probes, NEVER);
    probes.answer("b:6379", GCS);
    expect(await pends(seen)).toBe(true);
    probes.answer("c:6379", REFUSED);
    expect((await seen).health.kind).toBe("unknown");
  });

  test("two HEADs: the lease must say which is the true one", async () => {
    const probes = new Scripted();
    const seen = collect(CONFIG, probes, NEVER);
    probes.answer("b:6379", GCS);
    probes.answer("c:6379", GCS);
    expect(await pends(seen)).toBe(true);
    probes.healthSays(leaseHealth(holder("c")));
    expect((await seen).health.kind).toBe("lease");
  });

  test("the lease's holder answers: silent others are not waited for", async () => {
    const probes = new Scripted();
    const seen = collect(CONFIG, probes, NEVER);
    probes.healthSays(leaseHealth(holder("c")));
    expect(await pends(seen)).toBe(true);
    probes.answer("c:6379", GCS);
    expect((await seen).heads).toHaveLength(1);
  });

  test("nobody answers as a HEAD: the health service and everybody must be heard", async () => {
    const probes = new Scripted();
    const seen = collect(CONFIG, probes, NEVER);
    probes.answer("b:6379", REFUSED);
    probes.answer("c:6379", REFUSED);
    expect(await pends(seen)).toBe(true);
    probes.healthSays(DOWN);
    expect((await seen).health).toMatchObject({ kind: "down", attempts: 1 });
  });

  test.each([
    ["a stranger", "z", "z:7000"],
    ["a candidate's name at a stranger's address", "b", "203.0.113.9:6379"],
    ["a candidate's name at another port", "b", "b:7000"],
    ["a stranger at this node's own address", "z", "a:6379"],
  ])("B1 the lease names %s: only the whitelist is asked", async (_, node, address) => {
    const probes = new Scripted();
    const seen = collect(CONFIG, probes, NEVER);
    probes.healthSays(leaseHealth(holder(node, { address })));
    probes.answer("b:6379", REFUSED);
    probes.answer("c:6379", REFUSED);
    expect((await seen).heads).toMatchObject([{ name: "b" }, { name: "c" }]);
    expect(probes.asked).toEqual(["b:6379", "c:6379"]);
  });

  test("the holder is known by its name, whatever its address is called there", async () => {
    const probes = new Scripted();
    const seen = collect(CONFIG, probes, NEVER);
    probes.healthSays(leaseHealth(holder("C", { address: "172.28.0.4:6379" })));
    probes.answer("c:6379", GCS);
    expect((await seen).heads).toHaveLength(1);
  });

  test("an explicit HEAD is the only one that is asked, and is enough", async () => {
    const probes = new Scripted();
    const seen = collect(configOf("a", { HEAD_ADDRESS: "ray-gpu:6380" }), probes, NEVER);
    expect(probes.asked).toEqual(["ray-gpu:6380"]);
    probes.answer("ray-gpu:6380", REFUSED);
    expect((await seen).heads).toMatchObject([{ name: null, result: REFUSED }]);
  });

  test("an explicit HEAD that is this node: nobody is asked", async () => {
    const probes = new Scripted();
    const { health, heads } = await collect(configOf("a", { HEAD_ADDRESS: "a:6379" }), probes, NEVER);
    expect({ health, heads }).toEqual({ health: { kind: "unknown", ms: 0 }, heads: [] });
    expect(probes.asked).toEqual([]);
  });
});

describe("silent candidates", () => {
  let server: Awaited<ReturnType<typeof silent>> | undefined;
  afterEach(() => server?.stop());

  test("cost one DISCOVERY_TIMEOUT together, not one each", async () => {
    server = await silent();
    const { address } = server;
    const names = ["b", "c", "d", "e", "f", "g", "h", "i"];
    const read = configOf("a", { HEAD_WHITELIST: ["a", ...names].join(" "), DISCOVERY_TIMEOUT: "1" });
    const whitelist = read.whitelist.map((each) => (each.name === "a" ? each : { ...each, address }));
    const config = { ...read, whitelist };
    const probes: Probes = {
      health: { look: async () => leaseHealth() as Known },
      clock: realClock,
      probe: (address, timeoutMs) => probeGcs(address, { token: null, timeoutMs }),
    };
    const began = performance.now();
    const { heads } = await collect(config, probes, NEVER);
    expect(performance.now() - began).toBeLessThan(3000);
    expect(heads.map(({ result }) => result.kind)).toEqual(names.map(() => "timeout"));
  });
});
