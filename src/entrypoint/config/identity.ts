import { isIPv4 } from "node:net";
import * as hosts from "../../common/address.ts";
import type { Values } from "./variables.ts";

/** An IPv4 address that a network interface of this machine has. */
export interface OwnInterface {
  readonly name: string;
  readonly address: string;
  /** What /etc/hosts calls that address. */
  readonly names?: readonly string[];
}

/** Which candidate this node is, and its addresses. */
export interface Identity {
  /** The name as the whitelist spells it if this node is a candidate: lease, node table and Ray use this one. */
  readonly node: string;
  /** The name that the node was given: RAY_EP_NODE_NAME or the hostname. */
  readonly calledItself: string;
  /** The entries that match this node, if several do: then none is taken. */
  readonly alike: readonly string[];
  readonly ownEntry: hosts.WhitelistEntry | undefined;
  /** The interface that HEAD_ADDRESS or the own entry names, if NODE_IP_ADDRESS was not given: Ray uses it. */
  readonly ownInterface: OwnInterface | undefined;
  readonly headPort: number;
  /** The address at which others reach this node's GCS if it is the HEAD. */
  readonly ownAddress: hosts.Address;
}

export const DEFAULT_HEAD_PORT = 6379;

/**
 * Finds this node's whitelist entry: the one with its name, else the only one with the short or long form of it, else
 * the only one without a name that has its address and port. Pure.
 */
export function identify(
  values: Values,
  calledItself: string,
  interfaces: readonly OwnInterface[] = [],
): Identity {
  const { HEAD_WHITELIST: entries, NODE_IP_ADDRESS: nodeIp } = values;
  const byName = hosts.matchingNames(entries, calledItself);
  const matching =
    byName.length > 0 ? byName : entries.filter((entry) => isOwnEntry(entry, values, interfaces));
  const ownEntry = matching.length === 1 ? matching[0] : undefined;
  const headPort = values.RAY_HEAD_PORT ?? ownEntry?.port ?? DEFAULT_HEAD_PORT;
  const node = ownEntry?.name ?? calledItself;
  const explicit = values.HEAD_ADDRESS ?? values.HEAD_ADDRESS_CFG;
  // Ray replaces 127.0.0.1 by the address of the default route (scripts/scripts.py, 2.40 to 2.60).
  // Its own name is left to Ray as well: engines and Debian write one into /etc/hosts that says nothing of the cards.
  const interfaceAt = (host = calledItself) =>
    hosts.sameHost(host, calledItself)
      ? undefined
      : interfaces.find((each) => isAtCard(host, each) && !hosts.isLoopback(each.address));
  const named =
    (explicit?.port === headPort ? interfaceAt(explicit.host) : undefined) ?? interfaceAt(ownEntry?.host);
  return {
    node,
    calledItself,
    alike: matching.length > 1 ? matching.map(({ name }) => name) : [],
    ownEntry,
    ownInterface: nodeIp === null ? named : undefined,
    headPort,
    ownAddress: {
      host: ownEntry?.host ?? nodeIp ?? node,
      port: (ownEntry?.mapped ? ownEntry.port : undefined) ?? headPort,
    },
  };
}

/** For an entry such as 10.77.0.1:6379, which has no name. */
function isOwnEntry(
  entry: hosts.WhitelistEntry,
  values: Values,
  interfaces: readonly OwnInterface[],
): boolean {
  const { RAY_HEAD_PORT: ownPort, NODE_IP_ADDRESS: nodeIp } = values;
  if (entry.mapped || (ownPort !== null && ownPort !== (entry.port ?? DEFAULT_HEAD_PORT))) return false;
  return nodeIp !== null && isIPv4(nodeIp)
    ? hosts.sameHost(entry.host, nodeIp)
    : isOwnHost(entry.host, nodeIp, interfaces);
}

/** Several nodes on one machine each have their own loopback address (NODE_IP_ADDRESS), and then no other is theirs. */
function isOwnHost(host: string, nodeIp: string | null, interfaces: readonly OwnInterface[]): boolean {
  if (nodeIp !== null && (hosts.sameHost(host, nodeIp) || hosts.isLoopback(nodeIp)))
    return hosts.sameHost(host, nodeIp);
  return hosts.isLoopback(host) || interfaces.some((each) => isAtCard(host, each));
}

/** A name that /etc/hosts has is found without asking, and waiting for, a name service. */
const isAtCard = (host: string, { address, names = [] }: OwnInterface): boolean =>
  address === host || names.some((name) => hosts.sameHost(name, host));

/** Whether an explicit HEAD is this node. Behind a port mapping, its own name and port also mean this node. */
export function isThisNode(
  head: hosts.Address,
  { node, calledItself, ownAddress, ownEntry, headPort }: Identity,
  values: Values,
  interfaces: readonly OwnInterface[] = [],
): boolean {
  if (hosts.sameAddress(head, ownAddress)) return true;
  if (head.port !== headPort) return false;
  const names = [node, calledItself];
  if (names.some((name) => hosts.sameHost(name, head.host))) return true;
  if (isOwnHost(head.host, values.NODE_IP_ADDRESS, interfaces)) return true;
  const another = values.HEAD_WHITELIST.some(
    (each) => each !== ownEntry && hosts.sameHost(each.name, head.host),
  );
  return !another && names.some((name) => hosts.isShortFormOf(name, head.host));
}
