import fc from "fast-check";
import { expect, test } from "vitest";
import { expectVisible, outsideText, saying } from "../../test/fixtures/outside.ts";
import { createLogger } from "../common/output/logger.ts";
import { type Event, quietLog, render } from "./event.ts";

const answer = { message: "refused", from: "10.0.0.1", to: "ray-cpu:7000", address: "10.0.0.2" };
const problem = { where: "PORT", problem: "expected a port", fix: "Give a port." };

const EVENTS: readonly Event[] = [
  {
    type: "started",
    version: "1",
    instance: "i",
    host: "0.0.0.0",
    port: 8080,
    ttlMs: 15_000,
    stateDir: "/state",
    whitelist: ["ray-cpu"],
    access: "token",
  },
  { type: "memory", kind: "kept", epoch: 3, holder: "ray-cpu" },
  { type: "memory", kind: "damaged", ttlMs: 15_000, epoch: 3, detail: "no JSON" },
  {
    type: "granted",
    how: "grant",
    node: "ray-cpu",
    life: "life-1",
    address: "ray-cpu:6379",
    epoch: 4,
    before: "ray-gpu",
    headlessMs: 31_000,
  },
  { type: "refused", node: "ray-cpu", reason: "held", message: "ray-gpu holds it" },
  { type: "released", returning: false, node: "ray-cpu", epoch: 4 },
  { type: "storage", ok: false, file: "/state/lease.json", cause: "ENOSPC" },
  { type: "store", ok: false, at: "m1:2379/ray-entrypoint/ray/lease", cause: "connection refused" },
  { type: "store-promoted", epoch: 1004 },
  { type: "failed", failure: { reason: "store-keys", file: "/keys/ca.pem", cause: "EACCES" } },
  { type: "history-not-kept", file: "/state/events.jsonl", cause: "ENOSPC" },
  { type: "turned-away", from: "10.0.0.1", method: "PUT", path: "/v1/head", cause: "no token" },
  { type: "reach", node: "ray-cpu", answer: { result: "refused", ...answer } },
  { type: "cluster", name: "lab", id: "id-1", members: 2, advertise: "10.0.0.1:8443" },
  { type: "joined", node: "gpu01", address: "10.0.0.2", candidate: true },
  { type: "join-refused", node: "gpu01", address: "10.0.0.2", reason: "expired", message: "it ended" },
  { type: "moved", node: "gpu01", address: "10.0.0.3" },
  { type: "service-moved", from: "10.0.0.2", to: "10.0.0.3" },
  { type: "removed", node: "gpu01", by: "the admin" },
  { type: "token-made", expiresAt: "2026-03-01T12:00:00Z", once: true, replace: "gpu01" },
  { type: "members-not-kept", file: "/cluster/cluster.json", cause: "ENOSPC" },
  { type: "failed", failure: { reason: "cluster-unusable", file: "/cluster/cluster.json", cause: "EACCES" } },
  { type: "bug", where: "PUT /v1/head", detail: "TypeError: x\n    at y" },
  { type: "stopping", signal: "SIGTERM" },
  { type: "failed", failure: { reason: "bad-configuration", problems: [problem] } },
  { type: "failed", failure: { reason: "cannot-listen", host: "h", port: 1, code: "EACCES" } },
  { type: "failed", failure: { reason: "state-unreadable", file: "/state/lease.json", cause: "EACCES" } },
];

test("B9 foreign text in an event never adds a control character or a line to the log", () => {
  fc.assert(
    fc.property(fc.constantFrom(...EVENTS), outsideText, (event, text) => {
      for (const form of ["text", "json"] as const) {
        let written = "";
        const write = (words: string) => {
          written += words;
        };
        createLogger<Event>({ form, write, render, now: () => new Date(0) }).log(saying(event, text));
        expectVisible(written, form === "json" ? 1 : render(event).length);
      }
    }),
    { numRuns: 1000 },
  );
});

const refused = (node: string): Event => ({
  type: "refused",
  reason: "held",
  message: "the head lease is held by gpu",
  node,
});

function listen() {
  const clock = { nowMs: 0 };
  const said: Event[] = [];
  const log = quietLog(
    (event) => void said.push(event),
    () => clock.nowMs,
  );
  return { clock, said, log };
}

test("a node that is refused again and again is told once a minute", () => {
  const { clock, said, log } = listen();
  for (let i = 0; i < 100; i++) log(refused("cpu"));
  expect(said.length).toBe(1);
  clock.nowMs = 60_000;
  log(refused("cpu"));
  expect(said.length).toBe(2);
});

test("ever new names are told up to a thousand a minute, and what is news is told all the same", () => {
  const { clock, said, log } = listen();
  for (let i = 0; i < 5000; i++) log(refused(`node-${i}`));
  expect(said.length).toBe(1000);
  log({ type: "stopping", signal: "SIGTERM" });
  expect(said.length).toBe(1001);
  clock.nowMs = 60_000;
  log(refused("node-9999"));
  expect(said.length).toBe(1002);
});
