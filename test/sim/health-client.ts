import type { LeaseGranted, LeaseRefused } from "../../src/common/protocol/lease-protocol.ts";
import { err, ok } from "../../src/common/result.ts";
import type { LeaseFact } from "../../src/entrypoint/election/facts.ts";
import type { HealthClient } from "../../src/entrypoint/lease/health-client.ts";
import type { Entrypoint } from "./entrypoint.ts";
import type { Peer, Reply } from "./network.ts";
import { OK } from "./service.ts";

/** As src/common/lookup.ts: an address that was learned is used while names fail. */
const PATIENCE_MS = 500;

/** As src/entrypoint/lease/health-client.ts, over the network of the simulation. */
export function healthClientOf(entrypoint: Entrypoint): HealthClient {
  const { scene, place, actor, runId } = entrypoint;
  const { service, checker, clock, network, note } = scene;
  const { name, host } = place;
  let knowsAddress = service.hasFixedAddress;
  const call = async <T>(peer: Peer<T>, timeoutMs: number): Promise<Reply<T>> => {
    const hangs = !service.hasFixedAddress && place.names === "hangs";
    knowsAddress ||= place.names === "well";
    const waitMs = hangs ? (knowsAddress ? PATIENCE_MS : timeoutMs) : 0;
    if (waitMs > 0) await actor.sleep(waitMs);
    if (!knowsAddress) return { kind: "silence" };
    return network.call(actor, host, peer, timeoutMs - waitMs);
  };
  return {
    look: async (timeoutMs) => {
      const reply = await call(service.look(), timeoutMs);
      if (reply.kind !== "answer") return { kind: "down", ms: 0, attempts: 1, cause: reply.kind };
      return reply.value === OK ? { kind: "plain", ms: 0 } : { kind: "lease", ms: 0, view: reply.value };
    },
    askLease: async (request, timeoutMs) => {
      const sentAtMs = clock.nowMs;
      const asking = call(service.ask(request), timeoutMs);
      if (place.freezesAsking) entrypoint.freeze();
      const fact = toFact(await asking);
      if (fact.kind === "granted") checker.lease.told(place, runId, sentAtMs);
      if (fact.kind === "refused") checker.lease.over(runId);
      return fact;
    },
    releaseLease: async (release, timeoutMs) => {
      if (entrypoint.stopping) note("releases on a stop");
      checker.released(place);
      checker.lease.over(runId);
      const reply = await call(service.release(release), timeoutMs);
      return reply.kind === "answer" ? ok(undefined) : err(reply.kind);
    },
    report: async (_, report, timeoutMs) => {
      const reply = await call(service.report(name, host, report), timeoutMs);
      if (reply.kind !== "answer") return { kind: "no-answer", cause: reply.kind };
      const { value } = reply;
      if (value === OK) return { kind: "no-answer", cause: "answered 200" };
      return value === "duplicate-name"
        ? { kind: value, message: "" }
        : { kind: "noted", instance: value.instance, hasDuplicate: value.namesake, epoch: value.epoch };
    },
    reach: async () => err("nobody advertises an address here"),
  };
}

function toFact(reply: Reply<LeaseGranted | LeaseRefused | typeof OK>): LeaseFact {
  if (reply.kind !== "answer") return { kind: "no-answer", cause: reply.kind };
  const { value } = reply;
  if (value === OK) return { kind: "no-answer", cause: "answered 200" };
  return value.granted ? { ...value, kind: "granted" } : { ...value, kind: "refused" };
}
