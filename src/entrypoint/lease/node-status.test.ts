import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EVENTS, JOINING, TROUBLES, WAITS, waiting } from "../../../test/fixtures/events.ts";
import { EVERY_ANSWER, head, REFUSED } from "../../../test/fixtures/facts.ts";
import { expectVisible, outsideText, saying } from "../../../test/fixtures/outside.ts";
import { NodeStatus, parseStatus } from "../../common/protocol/node-status.ts";
import type { Event } from "../output/event.ts";
import { noteFile } from "../output/notes.ts";
import { newborn, statusAfter } from "./node-status.ts";
import { StatusKeeper } from "./status-keeper.ts";

const BORN = newborn({ node: "ray-gpu", version: "1.0.0", python: "3.12" }, 1000);
const statusOf = (...events: readonly Event[]) =>
  events.reduce((status, event, i) => statusAfter(status, event, 2000 + i), BORN);
const said = (words: string) => expect.stringContaining(words);
const PORT_20000 = { port: 20_000, result: "reached" };
const ALIVE = {
  address: "10.0.0.1",
  cpus: 4,
  gpus: 1,
  memory: 8 * 2 ** 30,
  objectStore: 0,
  metricsPort: 20_005,
};
const seen: Event = { type: "heads", heads: [head("ray-cpu", "ray-cpu:6379", REFUSED)] };

describe("what a node says of itself", () => {
  const many = Array.from({ length: 40 }, (_, i) => `node-${i}`);
  const everyHead: Event = {
    type: "heads",
    heads: EVERY_ANSWER.map((each) => head("a", "a:1", each)),
  };

  test.each<[string, Partial<NodeStatus>, readonly Event[]]>([
    ["its place in the whitelist", { whitelist: ["ray-cpu", "ray-gpu"], place: 2 }, [EVENTS.candidate]],
    ["no place", { whitelist: ["ray-cpu", "ray-gpu"], place: null }, [{ ...EVENTS.candidate, place: -1 }]],
    [
      "a long list, cut",
      { whitelist: many.slice(0, 8), place: 2 },
      [{ ...EVENTS.candidate, whitelist: many }],
    ],
    ["the installed Ray", { ray: "2.60.0" }, [EVENTS["ray-auth"]]],
    ["a version that is no word", { ray: null }, [{ ...EVENTS["ray-auth"], version: "2 \n" }]],
    ["the health service", { health: { kind: "lease", url: "http://health:8080" } }, [EVENTS.health]],
    [
      "as HEAD",
      { decision: { role: "head", rule: "3-head-lease", head: null }, waits: null },
      [waiting(), EVENTS.decision],
    ],
    [
      "as WORKER; what it saw before is over",
      { decision: { role: "worker", rule: "3-head-found", head: "ray-cpu:6379" }, waits: null, heads: [] },
      [seen, waiting(), JOINING],
    ],
    [
      "nothing that it waited for while its HEAD was out of reach",
      { waits: null, heads: [] },
      [waiting(), seen, { ...EVENTS["head-out-of-reach"], cause: null }],
    ],
    [
      "whom it waits for, since it first waited",
      {
        decision: null,
        waits: { kind: "lease-holder", node: "ray-cpu", since: 2001 },
        heads: [{ address: "ray-cpu:6379", answer: "refused" }],
      },
      [seen, waiting(), waiting(WAITS["lease-holder"])],
    ],
    ["that it waits again", { waits: { kind: "head", node: null, since: 2001 } }, [JOINING, waiting()]],
    [
      "that its cluster does not know it, whatever it decides",
      { decision: null, waits: { kind: "unknown-member", node: null, since: 2000 } },
      [EVENTS.known, EVENTS.decision, waiting()],
    ],
    ["that it does again", {}, [EVENTS.known, { ...EVENTS.known, isKnown: true }]],
    [
      "the dial-back of each port, and how the last one went",
      {
        reach: { result: "reached", at: "ray-cpu:1" },
        dialled: [PORT_20000, { port: 20_001, result: "reached" }],
      },
      [EVENTS["reach-back"], { type: "reached", address: "10.0.0.1", ports: [20_000] }, EVENTS["reach-back"]],
    ],
    [
      "its restarts, and since when it is in its state",
      { restarts: 2, since: 2001 },
      [EVENTS.state, EVENTS.state],
    ],
    ["what Ray counts of it", { alive: ALIVE }, [EVENTS.ready]],
    ["not what Ray counted before a restart", { restarts: 1, since: 2001 }, [EVENTS.ready, EVENTS.state]],
    [
      "trouble",
      { fault: { reason: "agent-gone", words: said("The agent of this node is gone"), at: 2000 } },
      [EVENTS.trouble],
    ],
    [
      "a setback",
      { fault: { reason: "not-ready-in-time", words: said("not ready"), at: 2000 } },
      [EVENTS.setback],
    ],
    [
      "a full disk",
      { fault: { reason: "disk-full", words: "memory is short", at: 2000 } },
      [{ ...EVENTS.warning, reason: "disk-full" }],
    ],
    [
      "how it ended",
      { failure: { reason: "no-head-in-time", words: said("No HEAD"), exitCode: 75 } },
      [EVENTS.failed],
    ],
  ])("%s", (_, expected, events) => {
    expect(statusOf(...events)).toEqual({ ...BORN, ...expected });
  });

  test("fits the form, whatever happened", () => {
    const troubles = Object.values(TROUBLES).map((trouble): Event => ({ type: "trouble", trouble }));
    for (const event of [
      ...Object.values(EVENTS),
      ...troubles,
      ...Object.values(WAITS).map((each) => waiting(each)),
      everyHead,
    ])
      expect(NodeStatus.parse(statusOf(event))).toEqual(statusOf(event));
  });

  test("is the same object after what says nothing of it", () => {
    for (const event of [EVENTS.said, EVENTS.starting, EVENTS.guard, EVENTS.warning, EVENTS.stopped])
      expect(statusAfter(BORN, event, 1)).toBe(BORN);
  });
});

describe("the file", () => {
  const inFolder = async (work: (file: string) => Promise<void> | void) => {
    const folder = mkdtempSync(join(tmpdir(), "node-status-"));
    try {
      await work(join(folder, "status.json"));
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const keeper = (file: string, node = "ray-gpu", now = 5000) =>
    new StatusKeeper({ node, version: "1.0.0" }, noteFile(file, null), () => now);
  const read = (file: string) => parseStatus(readFileSync(file, "utf8"));

  test("holds the status a turn after an event, and an end at once", () =>
    inFolder(async (file) => {
      const kept = keeper(file);
      kept.hear(EVENTS.candidate);
      await new Promise(setImmediate);
      expect(read(file)).toEqual({
        ...newborn({ node: "ray-gpu", version: "1.0.0" }, 5000),
        whitelist: ["ray-cpu", "ray-gpu"],
        place: 2,
      });
      kept.hear(EVENTS.failed);
      expect(read(file)).toEqual(kept.current);
    }));

  test("an earlier life's end is this one's last fault, and what came before it is over", () =>
    inFolder((file) => {
      keeper(file).hear(EVENTS.failed);
      const { fault, failure } = keeper(file, "ray-gpu", 9000).current;
      expect({ fault, failure }).toEqual({
        fault: { reason: "no-head-in-time", words: said("No HEAD"), exitCode: 75, at: 9000 },
        failure: null,
      });
    }));

  test("no file, no status in it, no folder: no harm", () =>
    inFolder((file) => {
      keeper(join(file, "missing")).hear(EVENTS.failed);
      noteFile(file, null).write("not a status\n");
      expect(keeper(file).current.fault).toBeNull();
    }));

  test("B9 text from outside brings no control character into it", () =>
    inFolder((file) => {
      const each = fc.tuple(fc.constantFrom(...Object.values(EVENTS)), outsideText);
      fc.assert(
        fc.property(each, ([event, text]) => {
          const kept = keeper(file);
          kept.hear(saying(event, text) as Event);
          kept.hear(EVENTS.failed);
          expectVisible(readFileSync(file, "utf8"), 1);
        }),
        { numRuns: 200 },
      );
    }));
});
