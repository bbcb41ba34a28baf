import type { ClusterView } from "../protocol/lease-protocol.ts";
import type { NodeStatus } from "../protocol/node-status.ts";

type Reported = Pick<ClusterView["nodes"][number], "state" | "silent" | "status">;

/** The state of a node in one word. */
export const STATE_WORDS: Readonly<Record<Reported["state"], string>> = {
  deciding: "deciding",
  "waiting-for-head": "waits",
  starting: "starting",
  ready: "ALIVE",
  watching: "ALIVE",
  restarting: "restarting",
  draining: "stopping",
  stopped: "stopped",
};

const ANSWERS: Readonly<Record<string, string>> = {
  refused: "refuses connections",
  unreachable: "no route",
  unresolved: "name not found",
  "timeout-connect": "no answer",
  "timeout-answer": "accepts connections and says nothing",
  "not-ray": "is no Ray",
  unauthorized: "refuses the token",
  tls: "TLS differs",
};

/** Why a node is as it is, in a few words; undefined: there is nothing to say. Pure. */
export function whyOf(node: Reported): string | undefined {
  const { state, silent, status } = node;
  if (silent) return `no report; it was last ${STATE_WORDS[state]}`;
  if (status === undefined) return undefined;
  const { failure, fault, waits, reach } = status;
  if (state === "stopped") return failure ? (failure.words ?? failure.reason) : undefined;
  if (waits !== null) return waitsFor(status);
  if (fault !== null && state !== "ready" && state !== "watching") return fault.words ?? fault.reason;
  if (isUnreached(reach)) return `not reached at ${reach.at}: ${reach.result}`;
  return fault === null ? undefined : `last: ${fault.words ?? fault.reason}`;
}

function waitsFor({ waits, heads }: NodeStatus): string {
  if (heads.length > 0)
    return heads.map(({ address, answer }) => `${address} ${ANSWERS[answer] ?? answer}`).join(", ");
  return [waits?.kind, waits?.node].filter(Boolean).join(" ");
}

/** Results of a dial-back that say nothing against a node. */
export const TELLS_NOTHING: readonly string[] = ["reached", "busy", "not-known"];
/** Others cannot reach it. */
export const isUnreached = (reach: NodeStatus["reach"]): reach is NonNullable<typeof reach> =>
  reach !== null && !TELLS_NOTHING.includes(reach.result);

/** The state as it follows a name. */
export const saysOf = (state: string): string =>
  state === "waits" || state === "failed" ? state : `is ${state}`;
