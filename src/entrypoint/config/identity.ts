import { isIPv4 } from "node:net";
import {
  type Address,
  isLoopback,
  isShortFormOf,
  matchingNames,
  sameAddress,
  sameHost,
} from "../../common/address.ts";
import type { WhitelistEntry } from "./schemas.ts";
import type { Values } from "./variables.ts";

/** An IPv4 address that a network interface of this machine has. */
export interface OwnInterface {
  readonly name: string;
  readonly address: string;
}

/** Who this node is among the candidates, and where it is. */
export interface Identity {
  /** The whitelist's own spelling where this node is a candidate: lease, node table and Ray know one name. */
  readonly node: string;
  /** What it calls itself: RAY_EP_NODE_NAME or the hostname. */
  readonly calledItself: string;
  /** Entries of which each could be this node, so that none is. */
  readonly alike: readonly string[];
  readonly ownEntry: WhitelistEntry | undefined;
  /** The interface that the own entry names, where NODE_IP_ADDRESS was not given: Ray shall be there. */
  readonly ownInterface: OwnInterface | undefined;
  readonly headPort: number;
  /** Where this node's GCS serves, as others know it, if this node is the HEAD. */
  readonly ownAddress: Address;
}

/** What identity depends on. */
type Given = Pick<Values, "HEAD_WHITELIST" | "RAY_HEAD_PORT" | "NODE_IP_ADDRESS">;

export const DEFAULT_HEAD_PORT = 6379;

/**
 * An entry is this node's by its name; else as the only one whose name is the short or long form of it; else, where the
 * entry has no name but an address, as the only one whose address and port are this node's. Pure.
 */
export function identify(
  values: Given,
  calledItself: string,
  interfaces: readonly OwnInterface[] = [],
): Identity {
  const entries = values.HEAD_WHITELIST;
  const byName = matchingNames(entries, calledItself);
  const matching =
    byName.length > 0 ? byName : entries.filter((entry) => isOwnEntry(entry, values, interfaces));
  const ownEntry = matching.length === 1 ? matching[0] : undefined;
  const headPort = values.RAY_HEAD_PORT ?? ownEntry?.port ?? DEFAULT_HEAD_PORT;
  const node = ownEntry?.name ?? calledItself;
  const host = ownEntry?.host ?? values.NODE_IP_ADDRESS ?? node;
  return {
    node,
    calledItself,
    alike: ownEntry === undefined ? matching.map(({ name }) => name) : [],
    ownEntry,
    ownInterface: values.NODE_IP_ADDRESS === null ? interfaceOf(ownEntry, interfaces) : undefined,
    headPort,
    ownAddress: { host, port: (ownEntry?.mapped ? ownEntry.port : null) ?? headPort },
  };
}

/** Loopback is left out: Ray puts the default route's address in the place of 127.0.0.1 (scripts/scripts.py, 2.40 to 2.60). */
const interfaceOf = (
  entry: WhitelistEntry | undefined,
  interfaces: readonly OwnInterface[],
): OwnInterface | undefined =>
  interfaces.find(({ address }) => address === entry?.host && !isLoopback(address));

/** An entry such as 10.77.0.1:6379, which names nobody. */
function isOwnEntry(entry: WhitelistEntry, values: Given, interfaces: readonly OwnInterface[]): boolean {
  const port = entry.port ?? DEFAULT_HEAD_PORT;
  const { RAY_HEAD_PORT: ownPort, NODE_IP_ADDRESS: nodeIp } = values;
  if (entry.mapped || (ownPort !== null && ownPort !== port)) return false;
  return nodeIp !== null && isIPv4(nodeIp)
    ? sameHost(entry.host, nodeIp)
    : isOwnHost(entry.host, nodeIp, interfaces);
}

/**
 * Whether `host` is an address of this machine that may be this node's. Several nodes of one machine have an address of
 * the loopback network each (NODE_IP_ADDRESS), and then no other address is theirs.
 */
function isOwnHost(host: string, nodeIp: string | null, interfaces: readonly OwnInterface[]): boolean {
  if (nodeIp !== null && (sameHost(host, nodeIp) || isLoopback(nodeIp))) return sameHost(host, nodeIp);
  return isLoopback(host) || interfaces.some(({ address }) => address === host);
}

/** Whether an explicit HEAD is this node. On this side of a port mapping it goes by its own name and port as well. */
export function isThisNode(
  head: Address,
  { node, calledItself, ownAddress, ownEntry, headPort }: Identity,
  values: Given,
  interfaces: readonly OwnInterface[] = [],
): boolean {
  if (sameAddress(head, ownAddress)) return true;
  if (head.port !== headPort) return false;
  const names = [node, calledItself];
  if (names.some((name) => sameHost(name, head.host))) return true;
  if (isOwnHost(head.host, values.NODE_IP_ADDRESS, interfaces)) return true;
  const another = values.HEAD_WHITELIST.some((each) => each !== ownEntry && sameHost(each.name, head.host));
  return !another && names.some((name) => isShortFormOf(name, head.host));
}

/**
 * Whether a program can listen there. Ray never starts on an address that no interface has: its runtime-env agent binds
 * it (2.40 to 2.60). A name is resolved by Ray, and across NAT each side resolves it in its own way.
 */
export function canBind(host: string, interfaces: readonly OwnInterface[] | undefined): boolean {
  if (interfaces === undefined || !isIPv4(host) || isLoopback(host)) return true;
  return interfaces.some(({ address }) => address === host);
}

/** What NODE_IP_ADDRESS may be on this machine, for a message. */
export function describeInterfaces(interfaces: readonly OwnInterface[]): string {
  const others = interfaces.filter(({ address }) => !isLoopback(address));
  return others.map(({ name, address }) => `${address} (${name})`).join(", ");
}
