import type { Address } from "../address.ts";
import { type Deadline, deadlineIn, monotonicMs } from "../deadline.ts";
import { unreachable } from "../result.ts";
import type { Sighting, SightingKind } from "../sighting.ts";
import { type GcsFailure, openGcs } from "./client.ts";
import { glance } from "./glance.ts";
import { nameProtocol } from "./protocol-name.ts";

export interface ProbeOptions {
  readonly token: string | null;
  /** For the whole of it: name look-up, connection and answers. */
  readonly timeoutMs: number;
}

/** Asks whether a Ray HEAD serves at `address`. Never rejects, never takes longer, leaves no connection behind. */
export async function probeGcs(address: Address, options: ProbeOptions): Promise<Sighting> {
  const began = monotonicMs();
  const deadline = deadlineIn(options.timeoutMs);
  const seen = await glance(address, options.token, options.timeoutMs);
  const known = seen === "unclear" ? await ask(address, options.token, deadline) : seen;
  return { address, ms: monotonicMs() - began, ...known };
}

/** By the gRPC library, which tells one failure from another. */
async function ask(address: Address, token: string | null, deadline: Deadline): Promise<SightingKind> {
  const client = openGcs(address, { token });
  // A fraction of a millisecond makes a grpc-timeout header that Ray's gRPC refuses.
  const timeoutMs = Math.max(1, Math.floor(deadline.remainingMs()));
  const [alive, clusterId] = await Promise.all([
    client.checkAlive([], timeoutMs),
    client.clusterId(timeoutMs),
  ]);
  client.close();
  if (!alive.ok) return explainFailure(alive.error, address, deadline);
  if (!clusterId.ok) return explainFailure(clusterId.error, address, deadline);
  if (clusterId.value.length === 0 || alive.value.version === "")
    return { kind: "not-ray", saw: "a gRPC server that names no Ray cluster" };
  return { kind: "ray-gcs", version: alive.value.version, clusterId: clusterId.value };
}

async function explainFailure(
  failure: GcsFailure,
  address: Address,
  deadline: Deadline,
): Promise<SightingKind> {
  switch (failure.kind) {
    case "timeout":
      return { kind: "timeout", phase: "answer" };
    case "unauthorized":
      return failure;
    case "not-ray":
      return { kind: "not-ray", saw: `it answers gRPC, but not as Ray's GCS: ${failure.detail}` };
    case "unavailable":
      return { kind: "not-ray", saw: await nameProtocol(address, deadline) };
    default:
      return unreachable(failure);
  }
}
