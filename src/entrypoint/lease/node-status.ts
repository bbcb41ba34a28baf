import * as z from "zod/mini";
import { formatAddress } from "../../common/address.ts";
import { type Failure, renderFailure } from "../../common/failure.ts";
import { cut, visible } from "../../common/output/shown.ts";
import type { ProbeResult } from "../../common/probe-result.ts";
import { Port, Word } from "../../common/protocol/from-outside.ts";
import { MAX_SHOWN, type NodeStatus, UNKNOWN_MEMBER } from "../../common/protocol/node-status.ts";
import type { Decision, WaitReason } from "../election/decide/decision.ts";
import type { Event } from "../output/event.ts";
import { renderFault } from "../ray/verdict.ts";

/** Which node it is, and what it runs. */
export interface Born {
  readonly node: string;
  /** Of the entrypoint. */
  readonly version: string;
  /** Its major and minor version. */
  readonly python?: string | null;
  /** What its image was built from. */
  readonly image?: string | null;
}

/** A node that has done nothing yet. `before`: the status that an earlier run left, of which the last fault is kept. Pure. */
export function newborn(
  { node, version, python, image }: Born,
  nowMs: number,
  before?: NodeStatus,
): NodeStatus {
  const failed = before?.failure && { ...before.failure, at: nowMs };
  return {
    ...{
      node,
      version,
      startedAt: nowMs,
      ray: null,
      python: python ?? undefined,
      image: image ?? undefined,
      whitelist: [],
      place: null,
    },
    ...{
      since: nowMs,
      health: null,
      decision: null,
      waits: null,
      heads: [],
      reach: null,
      restarts: 0,
      failure: null,
    },
    fault: failed ?? before?.fault ?? null,
  };
}

/** The status after an event: the same object where the event changes nothing of it. Pure. */
export function statusAfter(status: NodeStatus, event: Event, nowMs: number): NodeStatus {
  const fault = (reason: string, words: string): NodeStatus => ({
    ...status,
    fault: { reason, words: brief(words), at: nowMs },
  });
  switch (event.type) {
    case "member":
      return event.interface === undefined ? status : { ...status, interface: event.interface };
    case "candidate": {
      const place = event.place < 0 ? null : event.place + 1;
      return { ...status, whitelist: event.whitelist.slice(0, MAX_SHOWN), place };
    }
    case "known": {
      const waits = { kind: UNKNOWN_MEMBER, node: null, since: nowMs };
      return { ...status, waits: event.isKnown ? null : waits };
    }
    case "removed":
      return fault("removed", event.message);
    case "ray-auth":
      return { ...status, ray: z.safeParse(Word, event.version).data ?? null };
    case "health":
      return { ...status, health: { kind: event.fact.kind, url: event.url } };
    case "heads":
      return { ...status, heads: event.heads.slice(0, MAX_SHOWN).map(({ result }) => asSeen(result)) };
    case "decision":
      return decided(status, event.decision, nowMs);
    case "head-out-of-reach":
      // It is back, and the search for another one is over.
      return event.cause === null ? { ...status, waits: null, heads: [] } : status;
    case "reach-back": {
      if (!event.answer.ok) return status;
      const { result, to } = event.answer.value;
      const dialled = dialledOf(status.dialled, [{ port: event.port, result }]);
      return { ...status, reach: { result, at: to ?? `port ${event.port}` }, dialled };
    }
    case "reached": {
      const dialled = event.ports.map((port) => ({ port, result: "reached" }));
      return { ...status, dialled: dialledOf(status.dialled, dialled) };
    }
    case "ready":
      return { ...status, alive: aliveOf(event) };
    case "cluster":
      return { ...status, cluster: { id: event.id, same: event.id === event.before } };
    case "state":
      return entered(status, event, nowMs);
    case "trouble":
      return fault(event.trouble.kind, renderFault(event.trouble));
    case "setback":
      return fault(event.failure.reason, wordsOf(event.failure));
    case "warning":
      return event.reason === undefined ? status : fault(event.reason, event.what);
    case "failed": {
      const { reason } = event.failure;
      return { ...status, failure: { reason, words: wordsOf(event.failure), exitCode: event.exitCode } };
    }
    default:
      return status;
  }
}

/** So long are words at most: a report must fit into what the health service takes. */
const MAX_WORDS = 300;
const brief = (text: string): string => cut(visible(text), MAX_WORDS);
const wordsOf = (failure: Failure): string => brief((renderFailure(failure)[0] ?? "").replace(/^✗ /, ""));

function entered(status: NodeStatus, { to, step }: Event<"state">, nowMs: number): NodeStatus {
  const { restarts } = status;
  // Ray lists it as ALIVE in these two alone.
  const alive = to === "ready" || to === "watching" ? status.alive : undefined;
  return { ...status, alive, since: nowMs, restarts: step.kind === "restart" ? restarts + 1 : restarts };
}

function aliveOf({ ip, metricsPort, resources }: Event<"ready">): NodeStatus["alive"] {
  const { CPU = 0, GPU = 0, memory = 0, object_store_memory: objectStore = 0 } = resources;
  const metrics = z.safeParse(Port, metricsPort).data;
  return {
    address: z.safeParse(Word, ip).data ?? "",
    cpus: CPU,
    gpus: GPU,
    memory,
    objectStore,
    metricsPort: metrics,
  };
}

type Dialled = NonNullable<NodeStatus["dialled"]>;

/** The last result of each port. */
const dialledOf = (before: Dialled = [], now: Dialled): Dialled =>
  [...before.filter(({ port }) => now.every((each) => each.port !== port)), ...now].slice(-MAX_SHOWN);

const asSeen = (result: ProbeResult): NodeStatus["heads"][number] => ({
  address: formatAddress(result.address),
  answer: result.kind === "timeout" ? `timeout-${result.phase}` : result.kind,
});

function decided(status: NodeStatus, decision: Decision, nowMs: number): NodeStatus {
  // No decision changes that.
  const isUnknown = status.waits?.kind === UNKNOWN_MEMBER;
  switch (decision.role) {
    case "head":
    case "worker": {
      const { role, rule } = decision;
      const head = decision.role === "worker" ? formatAddress(decision.head.address) : null;
      // What it saw of others before it had its role is nothing that it waits for.
      return { ...status, decision: { role, rule, head }, waits: isUnknown ? status.waits : null, heads: [] };
    }
    case "wait": {
      const { waitingFor } = decision;
      const waits = { kind: waitingFor.kind, node: nodeOf(waitingFor), since: status.waits?.since ?? nowMs };
      return { ...status, decision: null, waits: isUnknown ? status.waits : waits };
    }
    default:
      return status;
  }
}

const nodeOf = (reason: WaitReason): string | null => ("node" in reason ? reason.node : null);
