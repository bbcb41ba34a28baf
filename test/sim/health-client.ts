import type { LeaseGranted, LeaseRefused } from "../../src/common/protocol/lease-protocol.ts";
import { err, ok } from "../../src/common/result.ts";
import type { LeaseFact } from "../../src/entrypoint/election/facts.ts";
import type { HealthClient } from "../../src/entrypoint/lease/health-client.ts";
import type { Unavailable } from "../../src/health-service/lease/keeping.ts";
import type { Entrypoint } from "./entrypoint.ts";
import type { Peer, Reply } from "./network.ts";
import { OK, type Service } from "./service.ts";

/** As src/common/lookup.ts: an address that was learned is used while names fail. */
const PATIENCE_MS = 500;

/** As src/entrypoint/lease/health-client.ts, over the network of the simulation. */
export function healthClientOf(entrypoint: Entrypoint, service: Service): HealthClient {
  const { scene, place, actor } = entrypoint;
  const { network } = scene;
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
      if (reply.value === OK) return { kind: "plain", ms: 0 };
      return "unavailable" in reply.value
        ? { kind: "down", ms: 0, attempts: 1, cause: reply.value.unavailable }
        : { kind: "lease", ms: 0, view: reply.value };
    },
    askLease: async (request, timeoutMs) => {
      const asking = call(service.ask(request), timeoutMs);
      if (place.freezesAsking) entrypoint.freeze();
      return toFact(await asking);
    },
    releaseLease: async (release, timeoutMs) => {
      const reply = await call(service.release(release), timeoutMs);
      if (reply.kind !== "answer") return err(reply.kind);
      const { value } = reply;
      return value !== OK && "unavailable" in value ? err(value.unavailable) : ok(undefined);
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

/** The same, and the checker hears what the node is told. */
export function watched(entrypoint: Entrypoint, client: HealthClient): HealthClient {
  const { scene, place, runId } = entrypoint;
  const { checker, clock, note } = scene;
  return {
    ...client,
    askLease: async (request, timeoutMs) => {
      const sentAtMs = clock.nowMs;
      const fact = await client.askLease(request, timeoutMs);
      if (fact.kind === "granted") checker.lease.told(place, runId, sentAtMs);
      if (fact.kind === "refused") checker.lease.over(runId);
      return fact;
    },
    releaseLease: (release, timeoutMs) => {
      if (entrypoint.stopping) note("releases on a stop");
      checker.released(place);
      checker.lease.over(runId);
      return client.releaseLease(release, timeoutMs);
    },
  };
}

function toFact(reply: Reply<LeaseGranted | LeaseRefused | Unavailable | typeof OK>): LeaseFact {
  if (reply.kind !== "answer") return { kind: "no-answer", cause: reply.kind };
  const { value } = reply;
  if (value === OK) return { kind: "no-answer", cause: "answered 200" };
  if ("unavailable" in value) return { kind: "no-answer", cause: value.unavailable };
  return value.granted ? { ...value, kind: "granted" } : { ...value, kind: "refused" };
}
