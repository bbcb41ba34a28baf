import { gib } from "../common/output/units.ts";
import { isUnreached, STATE_WORDS, TELLS_NOTHING, whyOf } from "../common/output/why.ts";
import type { NodeStatus } from "../common/protocol/node-status.ts";
import type { Moment, NodeView } from "./picture.ts";

/** How a state is to be taken. */
type Tone = "good" | "busy" | "bad" | "off";

/** What the page says of one node. Times are milliseconds since 1970. */
export interface Row {
  readonly name: string;
  readonly role: "HEAD" | "WORKER" | undefined;
  readonly state: string;
  readonly tone: Tone;
  /** Why it is not ALIVE, or what was last. */
  readonly why: string | undefined;
  readonly sinceMs: number | undefined;
  readonly resources: readonly string[];
  readonly versions: string | undefined;
  readonly restarts: number | undefined;
  readonly address: string | undefined;
  readonly card: string | undefined;
  readonly reach: { readonly text: string; readonly tone: Tone } | undefined;
}

const TONES: Readonly<Record<NodeView["state"], Tone>> = {
  deciding: "busy",
  "waiting-for-head": "busy",
  starting: "busy",
  ready: "good",
  watching: "good",
  restarting: "bad",
  draining: "off",
  stopped: "off",
};

function stateOf({ silent, state, status }: NodeView): readonly [word: string, tone: Tone] {
  if (silent) return ["silent", "bad"];
  // Its HEAD is out of reach, and its Ray goes on.
  if (TONES[state] === "good" && status?.waits) return ["waits", "busy"];
  return state === "stopped" && status?.failure ? ["failed", "bad"] : [STATE_WORDS[state], TONES[state]];
}

const ROLES = { head: "HEAD", worker: "WORKER" } as const;

const rowOf = (node: NodeView, atMs: number): Row => {
  const { name, role, silent, seenAgo, status, advertise } = node;
  const [state, tone] = stateOf(node);
  return {
    ...{ name, role: role === null ? undefined : ROLES[role], state, tone, why: whyOf(node) },
    sinceMs: silent ? atMs - seenAgo * 1000 : status?.since,
    ...{ resources: resourcesOf(status), versions: versionsOf(status), restarts: status?.restarts },
    ...{ address: status?.alive?.address ?? advertise ?? undefined, card: status?.interface },
    reach: reachOf(status),
  };
};

/** The HEAD first, then those that are not well, then by name. Pure. */
export const rowsOf = ({ view, atMs }: Pick<Moment, "view" | "atMs">): Row[] =>
  view.nodes
    .map((node) => rowOf(node, atMs))
    .toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, "en", { numeric: true }));

const rank = ({ role, tone }: Row): number => (role === "HEAD" ? 0 : tone === "good" ? 2 : 1);

function reachOf(status: NodeStatus | undefined): Row["reach"] {
  const dialled = status?.dialled ?? [];
  const missed = dialled.filter(({ result }) => !TELLS_NOTHING.includes(result));
  if (missed.length > 0)
    return { text: missed.map(({ port, result }) => `${port} ${result}`).join(", "), tone: "bad" };
  if (!status?.reach) return undefined;
  const { result, at } = status.reach;
  return isUnreached(status.reach)
    ? { text: `${result} at ${at}`, tone: "bad" }
    : { text: result, tone: "good" };
}

const amount = (count: number, unit: string): string[] => (count > 0 ? [`${count} ${unit}`] : []);

function resourcesOf(status: NodeStatus | undefined): string[] {
  if (!status?.alive) return [];
  const { cpus, gpus, memory } = status.alive;
  return [...amount(cpus, "CPU"), ...amount(gpus, "GPU"), ...(memory > 0 ? [gib(memory, 0)] : [])];
}

const versionsOf = (status: NodeStatus | undefined): string | undefined =>
  status &&
  [status.ray && `Ray ${status.ray}`, status.python && `Python ${status.python}`, status.image]
    .filter(Boolean)
    .join(", ");
