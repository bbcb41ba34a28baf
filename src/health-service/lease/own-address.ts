import { networkInterfaces } from "node:os";
import { isShortFormOf, matchingNames, parseAddress } from "../../common/address.ts";
import type { LeaseRequest } from "../../common/lease-protocol.ts";
import { resolveOnce } from "../../common/lookup.ts";
import type { WhitelistEntry } from "../../entrypoint/config/schemas.ts";
import { sameName } from "./lease-state.ts";

export interface OwnAddressSettings {
  /** Null: the service knows no candidate's address. */
  readonly whitelist: readonly WhitelistEntry[] | null;
  readonly resolve?: typeof resolveOnce;
  /** The addresses of this machine. */
  readonly own?: () => readonly string[];
}

/** Shorter than the second for which a node waits for the answer to a renewal. */
const PATIENCE_MS = 500;

/**
 * Checks that the GCS address in a node's request is its own: the whitelist has this address for that node, as text
 * or by what its name resolves to, or the request comes from it. A node's own report is no proof, because anybody can
 * report. Only names in the whitelist are looked up, and a proven address stays proven, so no renewal waits for a
 * lookup. The nodes check the port, since they know it. The long or short form of a name counts only for requests from
 * the address of the name.
 */
export function createOwnAddressCheck({
  whitelist,
  resolve = resolveOnce,
  own = ownAddresses,
}: OwnAddressSettings): (request: LeaseRequest, peer: string) => boolean | Promise<boolean> {
  const proven = new Map<WhitelistEntry, string>();
  const prove = (entry: WhitelistEntry, host: string): true => {
    proven.set(entry, host);
    return true;
  };
  return ({ node, address }, peer) => {
    const [entry] = matchingNames(whitelist ?? [], node);
    // A node that is not a candidate is refused for that reason.
    if (entry === undefined) return true;
    const parsed = parseAddress(address);
    if (!parsed.ok) return false;
    const { host } = parsed.value;
    if ([entry.host, entry.name, proven.get(entry)].some((each) => each && sameName(each, host))) return true;
    if (host === peer || (isLocal(host, own) && isLocal(peer, own))) return prove(entry, host);
    return within(resolve, entry.host).then((found) => {
      // Whoever has a domain can give its name any first label, so that the long form of a name proves nothing by itself.
      const isLongForm = found === peer && isShortFormOf(host, entry.host);
      return (found === host || isLongForm) && prove(entry, host);
    });
  };
}

const LOOPBACK = /^127\./;

/** A request from this machine may use any address of it. */
const isLocal = (address: string, own: () => readonly string[]): boolean =>
  LOOPBACK.test(address) || own().includes(address);

const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((each = []) => each.map(({ address }) => address));

/** Null if the name has no address or is not resolved in time. */
function within(resolve: typeof resolveOnce, name: string): Promise<string | null> {
  return new Promise((done) => {
    const timer = setTimeout(() => done(null), PATIENCE_MS);
    resolve(name, (error, address) => {
      clearTimeout(timer);
      done(error === null ? address : null);
    });
  });
}
