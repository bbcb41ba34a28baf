import { networkInterfaces } from "node:os";
import { isShortFormOf, matchingNames, parseAddress } from "../common/address.ts";
import type { LeaseRequest } from "../common/lease-protocol.ts";
import { resolveOnce } from "../common/lookup.ts";
import type { WhitelistEntry } from "../entrypoint/config/schemas.ts";
import { sameName } from "./lease-state.ts";

export interface OwnAddressSettings {
  /** Null: the service knows of no candidate where it is. */
  readonly whitelist: readonly WhitelistEntry[] | null;
  readonly resolve?: typeof resolveOnce;
  /** The addresses of this machine. */
  readonly own?: () => readonly string[];
}

/** A node waits a second for the answer to its renewal. */
const PATIENCE_MS = 500;

/**
 * Whether the address at which a node says that its GCS serves is its own, by what the service knows: the whitelist has it
 * for that node, by the same text or by what its name resolves to; or the request comes from there. The short or long form
 * of a name is that name only for whoever asks from where it leads. What a node reports
 * of itself is no proof, since a stranger reports as well. Only names of the whitelist are looked up, and what was found
 * true once stays so, so that no renewal waits for a name. The port is for the nodes to judge, who know it.
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
    // Whoever is no candidate is refused for that.
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

/** Who asks from this machine may have any address of it. */
const isLocal = (address: string, own: () => readonly string[]): boolean =>
  LOOPBACK.test(address) || own().includes(address);

const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((each = []) => each.map(({ address }) => address));

/** Null where the name has no address, or none is told in time. */
function within(resolve: typeof resolveOnce, name: string): Promise<string | null> {
  return new Promise((done) => {
    const timer = setTimeout(() => done(null), PATIENCE_MS);
    resolve(name, (error, address) => {
      clearTimeout(timer);
      done(error === null ? address : null);
    });
  });
}
