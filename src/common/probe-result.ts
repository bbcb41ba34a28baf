import { type Address, formatAddress } from "./address.ts";
import { short } from "./output/units.ts";
import type { Members } from "./result.ts";

/** What an address may answer when it is asked for a Ray HEAD (its GCS), in words. Silence is no proof that nobody is there. */
const ANSWERS = {
  /** A GCS that serves. `clusterId` is hex, 28 bytes. */
  "ray-gcs": ({ version, clusterId }: { version: string; clusterId: string }) =>
    `answers as a Ray GCS ${version}, cluster ${short(clusterId)}`,
  /** A GCS that refuses our token, or wants one (gRPC status 16). */
  unauthorized: ({ detail }: { detail: string }) => `is a Ray GCS that refuses our token: ${detail}`,
  /** Something listens and it is no GCS; `saw` says what it did in a few words. `brokeOff`: before it had answered. */
  "not-ray": ({ saw }: { saw: string; brokeOff?: true }) => `is not a Ray GCS: ${saw}`,
  /** It cannot be asked over TLS, for example because the certificates do not match (`detail`). It may be a GCS. */
  tls: (of: { problem: "wanted" | "missing" } | { problem: "failed"; detail: string }) => {
    if (of.problem === "failed") return `speaks TLS, but not with this node: ${of.detail}`;
    return of.problem === "wanted"
      ? "speaks TLS, and this node does not"
      : "is a Ray GCS without TLS, and this node speaks TLS";
  },
  refused: () => "refuses connections: nothing listens there",
  /** `code`: EHOSTUNREACH, ENETUNREACH and their like. */
  unreachable: ({ code }: { code: string }) => `cannot be reached: no route (${code})`,
  /** `code`: ENOTFOUND or EAI_AGAIN. */
  unresolved: ({ code }: { code: string }) => `cannot be found: the name does not resolve (${code})`,
  /** Silence until the time was over: while connecting, or after the connection was made. */
  timeout: ({ phase }: { phase: "connect" | "answer" }) =>
    phase === "connect" ? "does not answer a connection" : "accepts connections and says nothing",
};

export type ProbeAnswer = Members<"kind", typeof ANSWERS>;
export type ProbeResult = { readonly address: Address; readonly ms: number } & ProbeAnswer;
export type RayGcs = Extract<ProbeResult, { kind: "ray-gcs" }>;

/** The answer in words that follow an address. */
export const renderAnswer = (answer: ProbeAnswer): string =>
  (ANSWERS[answer.kind] as (answer: ProbeAnswer) => string)(answer);

/** "ray-cpu:6379 answers as a Ray GCS 2.60.0 (3 ms)". */
export const renderProbe = (result: ProbeResult): string =>
  `${formatAddress(result.address)} ${renderAnswer(result)} (${Math.round(result.ms)} ms)`;

/** What an answer says of its address: a GCS is there, or its machine without one, or nothing. */
const SAYS: Readonly<Record<ProbeAnswer["kind"], "gcs" | "no-gcs" | "nothing">> = {
  "ray-gcs": "gcs",
  unauthorized: "gcs",
  // It may be a GCS.
  tls: "gcs",
  "not-ray": "no-gcs",
  refused: "no-gcs",
  unreachable: "nothing",
  unresolved: "nothing",
  timeout: "nothing",
};

/** True when the machine answers and no HEAD serves there. */
export const withoutHead = ({ kind }: ProbeResult): boolean => SAYS[kind] === "no-gcs";

/** True when nothing is known: a HEAD may live there, out of our sight. */
export function silent(result: ProbeResult): boolean {
  // If the name service does not answer, the name may still be in use.
  if (result.kind === "unresolved") return result.code !== "ENOTFOUND";
  // A GCS that is overloaded or shuts down breaks calls off.
  if (result.kind === "not-ray") return result.brokeOff === true;
  return SAYS[result.kind] === "nothing";
}
