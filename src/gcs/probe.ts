import type { Address } from "../common/address.ts";
import { type Deadline, deadlineIn, monotonicMs } from "../common/deadline.ts";
import { lookup } from "../common/net/lookup.ts";
import type { ProbeAnswer, ProbeResult } from "../common/probe-result.ts";
import { openGcs } from "./client.ts";
import type { GcsFailure } from "./failure.ts";
import type { GcsOptions } from "./link.ts";
import { serverName } from "./tls.ts";

export interface ProbeOptions extends GcsOptions {
  /** For everything together: name lookup, connection and answers. */
  readonly timeoutMs: number;
}

/** Asks whether a Ray HEAD serves at `address`. Never rejects, never takes longer, leaves no connection behind. */
export async function probeGcs(address: Address, options: ProbeOptions): Promise<ProbeResult> {
  const began = monotonicMs();
  const deadline = deadlineIn(options.timeoutMs);
  const seen = await ask(address, options, deadline);
  const answer =
    seen.kind === "tls" && options.tls !== undefined ? await askInClear(address, seen, deadline) : seen;
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

/** After a TLS connection that failed. The token is not sent. */
async function askInClear(address: Address, failed: ProbeAnswer, deadline: Deadline): Promise<ProbeAnswer> {
  const clear = await ask(address, { token: null }, deadline);
  if (clear.kind === "ray-gcs" || clear.kind === "unauthorized") return { kind: "tls", problem: "missing" };
  return clear.kind === "not-ray" ? clear : failed;
}

async function explain(failure: GcsFailure, address: Address, deadline: Deadline): Promise<ProbeAnswer> {
  if (failure.kind !== "unavailable") return failure;
  const { phase, code } = failure;
  if (phase === "answer") return { kind: "not-ray", saw: "it speaks HTTP/2, but broke the call off" };
  // Many TLS servers, including Ray's, close the connection silently when the client does not speak TLS.
  if (phase === "greeting") return trySpeakingTls(address, deadline.remainingMs());
  if (code === "ECONNREFUSED") return { kind: "refused" };
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return { kind: "unresolved", code };
  return code === "ETIMEDOUT" ? { kind: "timeout", phase } : { kind: "unreachable", code };
}

/** Whether a TLS handshake begins. Nothing is sent after it, so the certificate does not matter. */
async function trySpeakingTls({ host, port }: Address, timeoutMs: number): Promise<ProbeAnswer> {
  const { connect } = await import("node:tls");
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port,
      lookup,
      servername: serverName(host),
      ALPNProtocols: ["h2"],
      rejectUnauthorized: false,
    });
    const end = (outcome: ProbeAnswer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => end({ kind: "timeout", phase: "answer" }), timeoutMs);
    socket.on("secureConnect", () => end(TLS_SERVER));
    // A TLS alert also proves TLS: the server has no certificate, or it requires ours.
    socket.on("error", ({ code = "" }: NodeJS.ErrnoException) =>
      end(/^ERR_SSL_.*ALERT/.test(code) ? TLS_SERVER : CLOSES),
    );
    socket.on("close", () => end(CLOSES));
  });
}

/** A GCS with RAY_USE_TLS is one. */
const TLS_SERVER: ProbeAnswer = { kind: "tls", problem: "wanted" };
const CLOSES: ProbeAnswer = { kind: "not-ray", saw: "it closes the connection" };
