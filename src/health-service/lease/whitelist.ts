import { networkInterfaces } from "node:os";
import { promisify } from "node:util";
import * as hosts from "../../common/address.ts";
import { pause } from "../../common/deadline.ts";
import { resolveOnce } from "../../common/lookup.ts";
import type { LeaseRequest } from "../../common/protocol/lease-protocol.ts";

/** Shorter than the second for which a node waits for the answer to a renewal. */
const PATIENCE_MS = 500;

/**
 * Why a node may not ask; null: it may. A candidate gives its own address: the whitelist has it, as text or by what its name
 * resolves to, or the request comes from it. A report is no proof, because anybody can report. Only names in the whitelist are
 * looked up, and what was proven stays proven, so no renewal waits for a lookup.
 */
export function createWhitelistCheck(
  whitelistNow: () => readonly hosts.WhitelistEntry[] | null,
  resolve = resolveOnce,
  own = ownAddresses,
): (request: LeaseRequest, peer: string) => Promise<"not-a-candidate" | "foreign-address" | null> {
  const proven = new WeakMap<hosts.WhitelistEntry, string>();
  const isLocal = (address: string) => address.startsWith("127.") || own().includes(address);
  const isOwn = async (entry: hosts.WhitelistEntry, host: string, peer: string): Promise<boolean> => {
    if ([entry.host, entry.name, proven.get(entry)].some((each) => each && hosts.sameHost(each, host)))
      return true;
    // A request from this machine may use any address of it.
    if (host === peer || (isLocal(host) && isLocal(peer))) return true;
    const looked = promisify(resolve)(entry.host).catch(() => null);
    const found = await Promise.race([looked, pause(PATIENCE_MS)]);
    // Whoever has a domain can give its name any first label, so that the long form of a name proves nothing by itself.
    return found === host || (found === peer && hosts.isShortFormOf(host, entry.host));
  };
  return async ({ node, address }, peer) => {
    const whitelist = whitelistNow();
    if (whitelist === null) return null;
    // The short and the long form of a name are the same name, as for the nodes themselves.
    const [entry, ...others] = hosts.matchingNames(whitelist, node);
    if (entry === undefined || others.length > 0) return "not-a-candidate";
    const parsed = hosts.parseAddress(address);
    if (!parsed.ok || !(await isOwn(entry, parsed.value.host, peer))) return "foreign-address";
    // It may have been removed while its name was looked up.
    if (hosts.matchingNames(whitelistNow() ?? [], node).length === 0) return "not-a-candidate";
    proven.set(entry, parsed.value.host);
    return null;
  };
}

const ownAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((each = []) => each.map(({ address }) => address));
