import type { NodeReport, ReachAnswer, ReachRequest } from "../../common/lease-protocol.ts";
import { lookupsUnderWay } from "../../common/lookup.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { dial } from "./dial.ts";
import { createDialBudget } from "./dial-budget.ts";

export interface ReachSettings {
  readonly timeoutMs: number;
  /** The report of a living node, if this life of it is known and reported from this peer. */
  readonly find: (node: string, life: string, peer: string) => NodeReport | undefined;
  /** True where writes need a token: whoever has it is told what a name resolves to, and may have many targets. */
  readonly trusted: boolean;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
}

/** Ray's ports are above these; a service behind a lower one is never asked of us by an honest node. */
const MIN_PORT = 1024;
/** Dials at once, of all nodes together: a thousand nodes that start at once wait for each other. */
const MAX_DIALS = 32;
/** A dial ends in time, but the look-up of a silent name goes on; as many are left for the names of the whitelist (lookup.ts). */
const MAX_LOOKUPS = 16;

/**
 * Makes the dial-back of `POST /v1/reach`: dials only for a node that reported in this life and from this address, only
 * the name that it advertises and a port that it reported, within the budget, and tells the answer apart only by the
 * nonce. Never rejects.
 */
export function createReach(
  settings: ReachSettings,
): (request: ReachRequest, peer: string) => Promise<ReachAnswer> {
  const { find, trusted, now, timeoutMs } = settings;
  const busy = new Set<string>();
  const whyOverBudget = createDialBudget(trusted, now);
  return async ({ node, life, port, nonce }, peer) => {
    const report = find(node, life, peer);
    if (report === undefined)
      return noDial("not-known", `${node} has not reported in this life from ${peer}`);
    const host = hostOf(report, port);
    if (!host.ok) return noDial("not-known", host.error);
    const key = node.toLowerCase();
    if (busy.has(key) || busy.size >= MAX_DIALS || lookupsUnderWay() >= MAX_LOOKUPS)
      return noDial("busy", "another dial is under way; ask again");
    const over = whyOverBudget({ node: key, peer, target: `${host.value.toLowerCase()}:${port}` });
    if (over !== null) return noDial("busy", over);
    busy.add(key);
    try {
      const answer = await dial(host.value, port, nonce, timeoutMs);
      return trusted ? answer : { ...answer, address: null };
    } finally {
      busy.delete(key);
    }
  };
}

/** The host that may be dialled for this node at that port, or why there is none. */
function hostOf(
  { advertise, nodeManagerPort, ports = [] }: NodeReport,
  port: number,
): Result<string, string> {
  if (advertise === null) return err("this node reported no name that it advertises");
  if (port < MIN_PORT) return err(`expected a port from ${MIN_PORT}, got ${port}`);
  return [nodeManagerPort, ...ports].includes(port)
    ? ok(advertise)
    : err(`this node did not report port ${port} as its own`);
}

const noDial = (result: "not-known" | "busy", message: string): ReachAnswer => ({
  ...{ result, message },
  ...{ from: null, to: null, address: null },
});
