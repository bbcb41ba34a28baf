import { formatAddress } from "../address.ts";
import type { ProbeAnswer, ProbeResult } from "../probe-result.ts";
import { unreachable } from "../result.ts";

/** The result of a probe in words: "ray-cpu:6379 answers as a Ray GCS 2.60.0 (3 ms)". */
export function renderProbe(result: ProbeResult): string {
  return `${formatAddress(result.address)} ${renderAnswer(result)} (${Math.round(result.ms)} ms)`;
}

function renderAnswer(result: ProbeResult): string {
  switch (result.kind) {
    case "ray-gcs":
      return `answers as a Ray GCS ${result.version}, cluster ${result.clusterId.slice(0, 8)}`;
    case "unauthorized":
      return `is a Ray GCS that refuses our token: ${result.detail}`;
    case "not-ray":
      return `is not a Ray GCS: ${result.saw}`;
    case "tls":
      return renderTls(result);
    case "refused":
      return "refuses connections: nothing listens there";
    case "unreachable":
      return `cannot be reached: no route (${result.code})`;
    case "unresolved":
      return `cannot be found: the name does not resolve (${result.code})`;
    case "timeout":
      return result.phase === "connect"
        ? "gives no answer to a connection"
        : "accepts connections and says nothing";
    default:
      return unreachable(result);
  }
}

/** Why a possible HEAD cannot be asked over TLS. */
export function renderTls(result: Extract<ProbeAnswer, { kind: "tls" }>): string {
  switch (result.problem) {
    case "wanted":
      return "speaks TLS, and this node does not";
    case "missing":
      return "is a Ray GCS without TLS, and this node speaks TLS";
    case "failed":
      return `speaks TLS, but not with this node: ${result.detail}`;
    default:
      return unreachable(result);
  }
}
