import type { Address } from "./address.ts";

/**
 * What one address answered when it was asked whether a Ray HEAD (its GCS) is there.
 * "No answer" has members of its own: silence is not proof that nobody is there.
 */
export type ProbeResult = { readonly address: Address; readonly ms: number } & ProbeAnswer;

export type ProbeAnswer =
  /** A GCS that serves. `clusterId` is hex, 28 bytes. */
  | { readonly kind: "ray-gcs"; readonly version: string; readonly clusterId: string }
  /** A GCS that refuses our token, or wants one (gRPC status 16). */
  | { readonly kind: "unauthorized"; readonly detail: string }
  /** Something listens and it is no GCS; `saw` says what it did in a few words. */
  | { readonly kind: "not-ray"; readonly saw: string }
  /** It speaks TLS and this node does not. It may be a GCS. */
  | { readonly kind: "tls"; readonly problem: "wanted" }
  /** A GCS in clear text, while this node speaks TLS. */
  | { readonly kind: "tls"; readonly problem: "missing" }
  /**
   * The TLS connection failed, for example because the certificates do not match; `detail` says why. It may be a GCS.
   */
  | { readonly kind: "tls"; readonly problem: "failed"; readonly detail: string }
  | { readonly kind: "refused" }
  /** No route: EHOSTUNREACH, ENETUNREACH and their like, in `code`. */
  | { readonly kind: "unreachable"; readonly code: string }
  /** The name does not resolve; `code` is ENOTFOUND or EAI_AGAIN. */
  | { readonly kind: "unresolved"; readonly code: string }
  /** Silence until the time was over: while connecting, or after the connection was made. */
  | { readonly kind: "timeout"; readonly phase: "connect" | "answer" };

export type RayGcs = Extract<ProbeResult, { kind: "ray-gcs" }>;

/** True when nothing can be said: a HEAD may live there, out of our sight. */
export function silent(result: ProbeResult): boolean {
  // If the name service does not answer, the name may still be in use.
  if (result.kind === "unresolved") return result.code !== "ENOTFOUND";
  return result.kind === "timeout" || result.kind === "unreachable";
}
