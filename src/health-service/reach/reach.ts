import { lookupsUnderWay } from "../../common/lookup.ts";
import type { NodeReport } from "../../common/protocol/lease-protocol.ts";
import type { ReachAnswer, ReachRequest } from "../../common/protocol/reach.ts";
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
  const whyOverBudget = createDialBudget(trusted, now);
  return async ({ node, life, port, nonce }, peer) => {
    const report = find(node, life, peer);
    if (report === undefined)
      return noDial("not-known", `${node} has not reported in this life from ${peer}`);
    const { advertise, nodeManagerPort, ports = [] } = report;
    if (advertise === null) return noDial("not-known", "this node reported no name that it advertises");
    if (port < MIN_PORT) return noDial("not-known", `expected a port from ${MIN_PORT}, got ${port}`);
    if (![nodeManagerPort, ...ports].includes(port))
      return noDial("not-known", `this node did not report port ${port} as its own`);
    if (lookupsUnderWay() >= MAX_LOOKUPS) return noDial("busy", "other names are being looked up; ask again");
    const target = `${advertise}:${port}`.toLowerCase();
    const over = whyOverBudget({ node: node.toLowerCase(), peer, target });
    if (over !== null) return noDial("busy", over);
    const answer = await dial(advertise, port, nonce, timeoutMs);
    return trusted ? answer : { ...answer, address: null };
  };
}

const noDial = (result: "not-known" | "busy", message: string): ReachAnswer => ({
  ...{ result, message },
  ...{ from: null, to: null, address: null },
});
