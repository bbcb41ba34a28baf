import type { LeaseGranted, LeaseRefused } from "../../src/common/lease-protocol.ts";
import { err, ok } from "../../src/common/result.ts";
import type { HealthFact, LeaseFact } from "../../src/entrypoint/facts.ts";
import type { HealthClient } from "../../src/entrypoint/health-client.ts";
import type { Peer, Reply } from "./network.ts";
import type { Node } from "./node.ts";
import { OK } from "./service.ts";

/** As src/entrypoint/health-client.ts, over the network of the simulation. */
export function clientOf(node: Node): Pick<HealthClient, "askLease" | "releaseLease" | "report"> {
  const { scene, place, life } = node;
  const { service, checker, clock } = scene;
  const { name, host } = place;
  const call = <T>(peer: Peer<T>, timeoutMs: number) => callService(node, peer, timeoutMs);
  return {
    askLease: async (request, timeoutMs) => {
      const sentAtMs = clock.nowMs;
      const asking = call(service.ask(request), timeoutMs);
      if (place.freezesAsking) node.freeze();
      const fact = toFact(await asking);
      if (fact.kind === "granted") checker.lease.told(place, life, sentAtMs);
      if (fact.kind === "refused") checker.lease.over(life);
      return fact;
    },
    releaseLease: async (release, timeoutMs) => {
      checker.released(place);
      checker.lease.over(life);
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
        : { kind: "noted", namesake: value.namesake, epoch: value.epoch };
    },
  };
}

/** As src/common/remembering-lookup.ts: an address that was learned is used while names fail. */
const PATIENCE_MS = 500;

async function callService<T>(node: Node, peer: Peer<T>, timeoutMs: number): Promise<Reply<T>> {
  const { scene, place, actor } = node;
  const { names } = place;
  node.knowsService ||= names === "well" || scene.service.hasFixedAddress;
  const waitMs =
    scene.service.hasFixedAddress || names !== "hangs" ? 0 : node.knowsService ? PATIENCE_MS : timeoutMs;
  if (waitMs > 0) await actor.sleep(waitMs);
  if (!node.knowsService) return { kind: "silence" };
  return scene.network.call(actor, place.host, peer, timeoutMs - waitMs);
}

/** Three tries, as the probe of the health service makes them; its own retries are switched off (history.ts). */
export async function lookFrom(
  node: Node,
  timeoutMs: number,
): Promise<Exclude<HealthFact, { kind: "unknown" }>> {
  for (let attempt = 1; ; attempt++) {
    const reply = await callService(node, node.scene.service.look(), timeoutMs);
    if (reply.kind === "answer")
      return reply.value === OK ? { kind: "plain", ms: 0 } : { kind: "lease", ms: 0, view: reply.value };
    if (attempt === 3) return { kind: "down", ms: 0, attempts: 1, cause: reply.kind };
    await node.actor.sleep(500);
  }
}

function toFact(reply: Reply<LeaseGranted | LeaseRefused | typeof OK>): LeaseFact {
  if (reply.kind !== "answer") return { kind: "no-answer", cause: reply.kind };
  const { value } = reply;
  if (value === OK) return { kind: "no-answer", cause: "answered 200" };
  return value.granted ? { ...value, kind: "granted" } : { ...value, kind: "refused" };
}
