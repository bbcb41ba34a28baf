import type { Address } from "../address.ts";
import { type Deadline, deadlineIn, monotonicMs } from "../deadline.ts";
import { unreachable } from "../result.ts";
import type { Sighting, SightingKind } from "../sighting.ts";
import { type GcsFailure, openGcs } from "./client.ts";
import { glance, type ProbeOptions } from "./glance.ts";
import { nameProtocol } from "./protocol-name.ts";

/** Asks whether a Ray HEAD serves at `address`. Never rejects, never takes longer, leaves no connection behind. */
export async function probeGcs(address: Address, options: ProbeOptions): Promise<Sighting> {
  const began = monotonicMs();
  const deadline = deadlineIn(options.timeoutMs);
  const seen = await look(address, options, deadline);
  return { address, ms: monotonicMs() - began, ...seen };
}

type Access = Omit<ProbeOptions, "timeoutMs">;

async function look(address: Address, access: Access, deadline: Deadline): Promise<SightingKind> {
  const seen = await glance(address, { ...access, timeoutMs: deadline.remainingMs() });
  if (seen === "unclear") return ask(address, access, deadline);
  if (seen.kind !== "tls") return seen;
  // The handshake failed: try clear text, without sending the token.
  const clear = await look(address, { token: null }, deadline);
  if (clear.kind === "ray-gcs" || clear.kind === "unauthorized") return { kind: "tls", problem: "missing" };
  return clear.kind === "not-ray" ? clear : seen;
}

/** Asks with the full client, which distinguishes the failures. */
async function ask(address: Address, access: Access, deadline: Deadline): Promise<SightingKind> {
  const client = openGcs(address, access);
  const timeoutMs = deadline.remainingMs();
  const [alive, clusterId] = await Promise.all([
    client.checkAlive([], timeoutMs),
    client.clusterId(timeoutMs),
  ]);
  client.close();
  const failed = [alive, clusterId].find(({ ok }) => !ok);
  if (failed?.ok === false && failed.error.kind === "unavailable")
    return access.tls === undefined ? nameProtocol(address, deadline) : BROKEN_OFF;
  if (!alive.ok) return explainFailure(alive.error);
  if (!clusterId.ok) return explainFailure(clusterId.error);
  if (clusterId.value.length === 0 || alive.value.version === "")
    return { kind: "not-ray", saw: "a gRPC server that names no Ray cluster" };
  return { kind: "ray-gcs", version: alive.value.version, clusterId: clusterId.value };
}

/** What a server does that rejects our certificate: in TLS 1.3 it says so only after the handshake, if at all. */
const BROKEN_OFF: SightingKind = {
  kind: "tls",
  problem: "failed",
  detail: "it closes the connection, as a server does that does not trust this node's certificate",
};

function explainFailure(failure: GcsFailure): SightingKind {
  switch (failure.kind) {
    case "timeout":
      return { kind: "timeout", phase: "answer" };
    case "unauthorized":
      return failure;
    case "not-ray":
      return { kind: "not-ray", saw: `it answers gRPC, but not as Ray's GCS: ${failure.detail}` };
    case "unavailable":
      return { kind: "not-ray", saw: "it cancelled the call" };
    default:
      return unreachable(failure);
  }
}
