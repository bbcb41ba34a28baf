import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EVENTS, TROUBLES, WAITS } from "../../../test/fixtures/events.ts";
import {
  DOWN,
  EVERY_ANSWER,
  GCS,
  head,
  holder,
  leaseHealth,
  PLAIN,
  probeResult,
  refusal,
} from "../../../test/fixtures/facts.ts";
import { EVERY_FAILURE } from "../../../test/fixtures/failures.ts";
import { expectVisible, outsideText, saying } from "../../../test/fixtures/outside.ts";
import { createLogger } from "../../common/output/logger.ts";
import type { RayGcs } from "../../common/probe-result.ts";
import type { ReachAnswer } from "../../common/protocol/reach-protocol.ts";
import type { HealthFact } from "../election/facts.ts";
import { type Event, render } from "./event.ts";

const words = (event: Event): string => render(event).join("\n");
const healthWords = (fact: HealthFact) => words({ type: "health", url: "http://health:8080", fact });

describe("no case is forgotten", () => {
  test.each(Object.entries(EVENTS))("%s: each line has its mark, or hangs from one that has", (_, event) => {
    const lines = render(event);
    for (const line of lines) expect(line).toMatch(/^(?:\s*[✓✗→] \S| {2}\S|Mode: |ray \| \S)/);
    expect(lines.join("\n")).not.toMatch(/undefined|null|NaN|\[object/);
  });

  test.each(Object.entries(TROUBLES))("trouble: %s", (_, trouble) => {
    expect(words({ type: "trouble", trouble })).toMatch(/^✗ \S/);
  });

  test.each(Object.entries(WAITS))("wait: %s", (_, waitingFor) => {
    const decision = { role: "wait", rule: "3-head-lease", waitingFor, retryMs: 500 } as const;
    expect(words({ type: "decision", decision })).toMatch(/^→ Waiting: \S/);
  });

  test.each(Object.values(EVERY_FAILURE))("failed: $reason; the last line names the exit code", (failure) => {
    expect(render({ type: "failed", failure, exitCode: 78 }).at(-1)).toMatch(/^✗ Exit code 78/);
  });
});

describe("the words of the specification", () => {
  test("a candidate", () => {
    expect(words(EVENTS.candidate)).toBe(
      "✓ Node is in head whitelist: ray-gpu is number 2 of ray-cpu, ray-gpu",
    );
  });

  test("not a candidate, and the name that was probably meant", () => {
    const event = { ...EVENTS.candidate, node: "ray-gpo", place: -1, nearest: "ray-gpu" };
    expect(words(event)).toBe(
      "→ Node is not in head whitelist: ray-gpo is none of ray-cpu, ray-gpu; the nearest name is ray-gpu",
    );
  });

  test("Mode: head and Mode: worker stand alone on a line, with the reason before", () => {
    expect(render(EVENTS.decision)).toEqual(["→ HEAD: the head lease (epoch 4)", "Mode: head"]);
    const living = probeResult("ray-cpu:6379", GCS) as RayGcs;
    expect(
      render({ type: "decision", decision: { role: "worker", rule: "3-head-found", head: living } }),
    ).toEqual([
      "→ WORKER: a HEAD is there already; ray-cpu:6379 answers as a Ray GCS 2.60.0, cluster c1c1c1c1 (3 ms)",
      "Mode: worker",
    ]);
  });

  test.each([
    [leaseHealth(), /^✓ Health service is up at http:\/\/health:8080 \(1 ms\); nobody holds the head lease$/],
    [leaseHealth(holder("ray-cpu")), /; ray-cpu holds the head lease, epoch 3$/],
    [PLAIN, /^✓ Health service is up .* the order of the whitelist decides$/],
    [DOWN, /^✗ Health service is down at http:\/\/health:8080 after 3 tries \(1 ms\): connection refused$/],
  ])("the health service: %#", (fact, expected) => expect(healthWords(fact)).toMatch(expected));

  test("ready", () => {
    expect(words(EVENTS.ready)).toMatch(/^✓ Ray cluster is ready! \(9\.9 s\)\n/);
    expect(words({ ...EVENTS.ready, role: "worker" })).toMatch(
      /^✓ Ray worker successfully joined the cluster! /,
    );
    expect(words(EVENTS.ready)).toContain(
      "address ray-cpu:6379, Ray 2.60.0, cluster c1c1c1c1, node abababab",
    );
    expect(words(EVENTS.ready)).toContain("resources 4 CPU, 1 GPU, 8.0 GiB memory");
  });

  test("an explicit HEAD names its variable", () => {
    expect(words(EVENTS["explicit-head"])).toBe("→ HEAD_ADDRESS=ray-cpu:6379 names the HEAD explicitly");
  });
});

test("each address that was asked has its line; only a HEAD gets ✓", () => {
  const heads = EVERY_ANSWER.map((kind, i) => head(`n${i}`, `n${i}:6379`, kind));
  const lines = render({ type: "heads", heads });
  expect(lines.map((line) => line[0])).toEqual(["✓", ...EVERY_ANSWER.slice(1).map(() => "→")]);
});

test("a lease that was refused or not answered is told with its reason", () => {
  expect(words({ type: "lease", fact: refusal("held") })).toBe("→ Head lease not granted (held): said held");
  expect(words({ type: "lease", fact: { kind: "no-answer", cause: "late" } })).toBe(
    "✗ Head lease: no answer (late)",
  );
});

describe("how the health service reached this node", () => {
  const says = (result: ReachAnswer["result"], change: Partial<ReachAnswer> = {}): readonly string[] =>
    render({
      type: "reach-back",
      port: 24_000,
      answer: {
        ok: true,
        value: { result, message: "it says why", from: null, to: "gpu:24000", address: null, ...change },
      },
    });

  test("who is reached learns from where", () => {
    expect(says("reached", { from: "172.28.0.2" })).toEqual([
      "✓ Others reach this node at gpu:24000 (asked from 172.28.0.2)",
    ]);
  });

  test.each<[ReachAnswer["result"], RegExp]>([
    ["refused", /^ {2}→ Publish the port: add it to `ports`/],
    ["timeout", /^ {2}→ Open the port in the firewall, or correct the address that `extra_hosts` gives/],
    ["no-route", /^ {2}→ Correct the address that `extra_hosts` gives this name/],
    ["name-not-found", /^ {2}→ Add this node's name with the host's address to `extra_hosts`/],
    ["wrong-answer", /^ {2}→ Another program has this port on the host: give NODE_MANAGER_PORT/],
  ])("%s is an error that names what is missing", (result, fix) => {
    const [what, how] = says(result);
    expect(what).toBe(
      "✗ Others cannot reach this node at gpu:24000: it says why; the HEAD will count it as dead",
    );
    expect(how).toMatch(fix);
  });

  test("each failure has its own way out", () => {
    const failures = ["refused", "timeout", "no-route", "name-not-found", "wrong-answer"] as const;
    expect(new Set(failures.map((each) => says(each)[1])).size).toBe(failures.length);
  });

  test.each(["busy", "not-known"] as const)(
    "%s says that nothing was checked, and is no failure",
    (result) => {
      expect(says(result)).toEqual(["→ Reach-back was not checked on port 24000: it says why"]);
    },
  );

  test("a health service that does not answer is no failure either", () => {
    const answer = { ok: false, error: "HTTP 404" } as const;
    expect(words({ type: "reach-back", port: 24_000, answer })).toBe(
      "→ Reach-back was not checked on port 24000: HTTP 404",
    );
  });
});

/** What the log gets. */
function written(event: Event, form: "text" | "json"): string {
  let text = "";
  const write = (words: string) => {
    text += words;
  };
  createLogger<Event>({ form, write, render, now: () => new Date(0) }).log(event);
  return text;
}

test("B9 foreign text in an event never adds a control character or a line to the log", () => {
  const events: Event[] = [
    ...Object.values(EVENTS),
    ...EVERY_ANSWER.map((kind) => ({ type: "heads" as const, heads: [head("a", "a:1", kind)] })),
    ...Object.values(EVERY_FAILURE).map((failure) => ({ type: "failed" as const, failure, exitCode: 78 })),
    ...Object.values(TROUBLES).map((trouble) => ({ type: "trouble" as const, trouble })),
    ...[DOWN, PLAIN].map((fact) => ({ type: "health" as const, url: "http://h", fact })),
    { type: "lease", fact: refusal("held", holder("b")) },
    { type: "lease", fact: { kind: "no-answer", cause: "late" } },
  ];
  fc.assert(
    fc.property(fc.constantFrom(...events), outsideText, (event, text) => {
      const lines = render(event).length;
      if (lines > 0) expectVisible(written(saying(event, text), "text"), lines);
      expectVisible(written(saying(event, text), "json"), 1);
    }),
    { numRuns: 2000 },
  );
});
