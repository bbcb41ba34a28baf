import { formatAddress } from "./address.ts";
import { unreachable } from "./result.ts";
import type { Sighting, SightingKind } from "./sighting.ts";

/** One sighting in words: "ray-cpu:6379 answers as a Ray GCS 2.60.0 (3 ms)". */
export function renderSighting(sighting: Sighting): string {
  return `${formatAddress(sighting.address)} ${renderAnswer(sighting)} (${Math.round(sighting.ms)} ms)`;
}

function renderAnswer(sighting: Sighting): string {
  switch (sighting.kind) {
    case "ray-gcs":
      return `answers as a Ray GCS ${sighting.version}, cluster ${sighting.clusterId.slice(0, 8)}`;
    case "unauthorized":
      return `is a Ray GCS that refuses our token: ${sighting.detail}`;
    case "not-ray":
      return `is not a Ray GCS: ${sighting.saw}`;
    case "tls":
      return renderTls(sighting);
    case "refused":
      return "refuses connections: nothing listens there";
    case "unreachable":
      return `cannot be reached: no route (${sighting.code})`;
    case "unresolved":
      return `cannot be found: the name does not resolve (${sighting.code})`;
    case "timeout":
      return sighting.phase === "connect"
        ? "gives no answer to a connection"
        : "accepts connections and says nothing";
    default:
      return unreachable(sighting);
  }
}

/** Why a possible HEAD cannot be asked over TLS. */
export function renderTls(sighting: Extract<SightingKind, { kind: "tls" }>): string {
  switch (sighting.problem) {
    case "wanted":
      return "speaks TLS, and this node does not";
    case "missing":
      return "is a Ray GCS without TLS, and this node speaks TLS";
    case "failed":
      return `speaks TLS, but not with this node: ${sighting.detail}`;
    default:
      return unreachable(sighting);
  }
}
