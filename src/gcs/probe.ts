import { once } from "node:events";
import type { Address } from "../common/address.ts";
import { type Deadline, deadlineIn, monotonicMs } from "../common/deadline.ts";
import { lookup } from "../common/lookup.ts";
import type { ProbeAnswer, ProbeResult } from "../common/probe-result.ts";
import type { GcsFailure } from "./answer.ts";
import { openGcs } from "./client.ts";
import type { GcsOptions } from "./link.ts";
import { tlsOptions } from "./tls.ts";

export type ProbeOptions = GcsOptions & { readonly timeoutMs: number };

/** Asks whether a Ray HEAD serves at `address`. Never rejects, never takes longer, leaves no connection behind. */
export async function probeGcs(address: Address, options: ProbeOptions): Promise<ProbeResult> {
  const began = monotonicMs();
  const deadline = deadlineIn(options.timeoutMs);
  let answer = await ask(address, options, deadline);
  if (answer.kind === "tls" && options.tls !== undefined) {
    // Perhaps it speaks in clear. The token is not sent.
    const clear = await ask(address, { token: null }, deadline);
    if (clear.kind === "ray-gcs" || clear.kind === "unauthorized")
      answer = { kind: "tls", problem: "missing" };
    if (clear.kind === "not-ray") answer = clear;
  }
  return { address, ms: monotonicMs() - began, ...answer };
}

async function ask(address: Address, access: GcsOptions, deadline: Deadline): Promise<ProbeAnswer> {
  const gcs = openGcs(address, access);
  const timeoutMs = deadline.remainingMs();
  const [alive, clusterId] = await Promise.all([gcs.checkAlive([], timeoutMs), gcs.clusterId(timeoutMs)]);
  gcs.close();
  if (!alive.ok) return explain(alive.error, address, deadline);
  if (!clusterId.ok) return explain(clusterId.error, address, deadline);
  if (clusterId.value === "" || alive.value.version === "")
    return { kind: "not-ray", saw: "a gRPC server that names no Ray cluster" };
  return { kind: "ray-gcs", version: alive.value.version, clusterId: clusterId.value };
}

async function explain(failure: GcsFailure, address: Address, deadline: Deadline): Promise<ProbeAnswer> {
  if (failure.kind !== "unavailable") return failure;
  const { phase, code } = failure;
  if (phase === "answer")
    return { kind: "not-ray", saw: "it speaks HTTP/2, but broke the call off", brokeOff: true };
  // Many TLS servers, including Ray's, close the connection silently when the client does not speak TLS.
  if (phase === "greeting") return trySpeakingTls(address, deadline.remainingMs());
  if (code === "ECONNREFUSED") return { kind: "refused" };
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return { kind: "unresolved", code };
  return code === "ETIMEDOUT" ? { kind: "timeout", phase } : { kind: "unreachable", code };
}

/** Whether a TLS handshake begins. Nothing is sent after it, so the certificate does not matter. */
async function trySpeakingTls(address: Address, timeoutMs: number): Promise<ProbeAnswer> {
  const { connect } = await import("node:tls");
  const options = { ...tlsOptions(undefined, address.host), rejectUnauthorized: false };
  const socket = connect({ ...address, lookup, ...options }).on("error", () => {});
  try {
    await once(socket, "secureConnect", { signal: AbortSignal.timeout(Math.ceil(timeoutMs)) });
    return { kind: "tls", problem: "wanted" };
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ABORT_ERR") return { kind: "timeout", phase: "answer" };
    // A TLS alert also proves TLS: the server has no certificate, or it requires ours.
    return /^ERR_SSL_.*ALERT/.test(code)
      ? { kind: "tls", problem: "wanted" }
      : { kind: "not-ray", saw: "it closes the connection" };
  } finally {
    socket.destroy();
  }
}
