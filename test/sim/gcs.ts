import type { Address } from "../../src/common/address.ts";
import type { ProbeAnswer, ProbeResult } from "../../src/common/probe-result.ts";
import { err, ok, type Result } from "../../src/common/result.ts";
import type { Published } from "../../src/entrypoint/lease/other-head.ts";
import type { GcsFailure } from "../../src/gcs/answer.ts";
import type { GcsClient, NodeInfo } from "../../src/gcs/client.ts";
import type { Actor } from "./actor.ts";
import type { Entrypoint } from "./entrypoint.ts";
import type { Resolved } from "./names.ts";
import type { Reply } from "./network.ts";

/** Leads to a node's own GCS without the name service, as the address on its raylet's command line does. */
export const OWN_HOST = "127.0.0.1";

type Answer = Reply<Published> | Exclude<Resolved, { kind: "host" }>;

/** Asks the GCS at an address for its state. On the own host nothing is lost, and the answer takes no time. */
export async function askGcs(
  { scene, place }: Entrypoint,
  asker: Actor,
  { host }: Address,
  timeoutMs: number,
): Promise<Answer> {
  const target = host === OWN_HOST ? { kind: "host" as const, place } : scene.names.resolve(place, host);
  if (target.kind === "host" && target.place !== place)
    return scene.network.call(asker, place.host, target.place.gcsPort(), timeoutMs);
  const isSilent = target.kind === "hangs" || (target.kind === "host" && place.busy);
  await (isSilent ? asker.sleep(timeoutMs) : null);
  if (target.kind !== "host") return target;
  if (place.busy) return { kind: "silence" };
  return place.gcs === null ? { kind: "refused" } : { kind: "answer", value: { ...place.gcs } };
}

/** As src/gcs/probe.ts. */
export async function probe(
  entrypoint: Entrypoint,
  address: Address,
  timeoutMs: number,
): Promise<ProbeResult> {
  const { actor, scene } = entrypoint;
  const began = actor.nowMs;
  const answer = await askGcs(entrypoint, actor, address, timeoutMs);
  if (answer.kind === "hangs") scene.note("probes of names whose look-up hung");
  if (answer.kind === "fails") scene.note("probes of names whose look-up failed");
  return { address, ms: actor.nowMs - began, ...answerOf(answer) };
}

function answerOf(answer: Answer): ProbeAnswer {
  switch (answer.kind) {
    case "answer":
      return { kind: "ray-gcs", version: "2.60.0", clusterId: answer.value.clusterId };
    case "refused":
      return { kind: "refused" };
    case "fails":
      return { kind: "unresolved", code: "EAI_AGAIN" };
    case "unknown":
      return { kind: "unresolved", code: "ENOTFOUND" };
    default:
      return { kind: "timeout", phase: "connect" };
  }
}

/** As src/gcs/client.ts. What is asked at one moment goes over one connection, and is lost or answered together. */
export function gcsClient(entrypoint: Entrypoint, address: Address): GcsClient {
  const { scene, place, actor } = entrypoint;
  let last: { readonly atMs: number; readonly answer: Promise<Result<Published, GcsFailure>> } | undefined;
  const send = async (timeoutMs: number): Promise<Result<Published, GcsFailure>> => {
    const session = place.ray;
    const reply = await askGcs(entrypoint, actor, address, timeoutMs);
    session?.hearGcs(reply.kind === "answer");
    if (reply.kind === "answer") return ok(reply.value);
    return err(
      reply.kind === "silence" || reply.kind === "hangs"
        ? { kind: "timeout", phase: "answer" }
        : { kind: "unavailable", phase: "connect", code: "ECONNREFUSED", detail: "" },
    );
  };
  const ask = (timeoutMs: number): Promise<Result<Published, GcsFailure>> => {
    if (last?.atMs !== scene.clock.nowMs) last = { atMs: scene.clock.nowMs, answer: send(timeoutMs) };
    return last.answer;
  };
  const asking =
    <T>(value: (gcs: Published) => T) =>
    async (timeoutMs: number): Promise<Result<T, GcsFailure>> => {
      const gcs = await ask(timeoutMs);
      return gcs.ok ? ok(value(gcs.value)) : gcs;
    };
  const isMember = ({ clusterId }: Published) => place.member === clusterId;
  return {
    clusterId: asking(({ clusterId }) => clusterId),
    checkAlive: (nodes, timeoutMs) =>
      asking((gcs) => ({ version: "2.60.0", alive: nodes.map(() => isMember(gcs)) }))(timeoutMs),
    nodes: asking((gcs) => (isMember(gcs) ? [nodeInfo(entrypoint)] : [])),
    kvGet: (_, timeoutMs) => asking(({ epoch }) => String(epoch))(timeoutMs),
    kvPut: (_, value, timeoutMs) =>
      asking(() => {
        if (place.gcs !== null) place.gcs.epoch = Number(value);
      })(timeoutMs),
    close: () => {},
  };
}

const nodeInfo = ({ place, runId }: Entrypoint): NodeInfo => ({
  nodeId: runId,
  name: place.name,
  hostname: place.host,
  address: place.host,
  port: 0,
  alive: true,
  isHead: place.gcs !== null,
  resources: {},
  agentPort: 0,
  metricsPort: 0,
  startedAtMs: 0,
});
