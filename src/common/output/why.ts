import type { NodeStatus } from "../protocol/node-status.ts";
import type { ClusterView } from "../protocol/report-protocol.ts";

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
  if (waits !== null) return waitsFor(waits, status.heads);
  if (fault !== null && state !== "ready" && state !== "watching") return fault.words ?? fault.reason;
  if (isUnreached(reach)) return `not reached at ${reach.at}: ${reach.result}`;
  if (fault === null) return undefined;
  return `last: ${fault.words ?? fault.reason} (${new Date(fault.at).toISOString().slice(0, 19)}Z)`;
}

type Waits = NonNullable<NodeStatus["waits"]>;

const WAITS: Readonly<Record<string, (node: string) => string>> = {
  head: () => "for a HEAD",
  "lease-holder": (node) => `for ${node}, which holds the head lease, to serve`,
  lease: () => "for the head lease",
  takeover: (node) => `for ${node} to come back`,
  "second-look": () => "for a HEAD to show itself",
  "unknown-member": () => "to be let in again: its health service does not know it any more",
};

/** What it waits for. Where any HEAD will do, what answers instead says more. */
function waitsFor({ kind, node }: Waits, heads: NodeStatus["heads"]): string {
  const answers = heads.map(({ address, answer }) => `${address} ${ANSWERS[answer] ?? answer}`).join(", ");
  if (kind === "head" && answers !== "") return answers;
  const what = WAITS[kind]?.(node ?? "another node") ?? kind;
  return answers === "" ? what : `${what}; ${answers}`;
}

/** Results of a dial-back that say nothing against a node. */
export const TELLS_NOTHING: readonly string[] = ["reached", "busy", "not-known"];
/** Others cannot reach it. */
export const isUnreached = (reach: NodeStatus["reach"]): reach is NonNullable<typeof reach> =>
  reach !== null && !TELLS_NOTHING.includes(reach.result);

/** The state as it follows a name. */
export const saysOf = (state: string): string =>
  state === "waits" || state === "failed" ? state : `is ${state}`;
