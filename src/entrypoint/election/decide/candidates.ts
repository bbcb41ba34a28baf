import { type Address, isAt, parseAddress, sameAddress, sameHost } from "../../../common/address.ts";
import { silent } from "../../../common/probe-result.ts";
import type { Holder } from "../../../common/protocol/lease-protocol.ts";
import type { Config } from "../../config/config.ts";
import { DEFAULT_HEAD_PORT } from "../../config/identity.ts";
import type { Facts, HeadFact } from "../facts.ts";

/** This node's place in the whitelist, or -1. */
export function placeOf(config: Pick<Config, "node" | "whitelist">): number {
  return config.whitelist.findIndex((each) => each.name.toLowerCase() === config.node.toLowerCase());
}

export function isCandidate(config: Pick<Config, "node" | "whitelist">): boolean {
  return placeOf(config) >= 0;
}

/** Whether this node may ever lead. */
export const mayLead = (config: Config): boolean =>
  config.explicitHead === null ? isCandidate(config) : config.explicitHead.isThisNode;

/** Every address at which a HEAD may be, but this node's own: what the probes ask. */
export function possibleHeads(config: Config): readonly { name: string | null; address: Address }[] {
  if (config.explicitHead?.isThisNode) return [];
  if (config.explicitHead !== null) {
    const { address } = config.explicitHead;
    const named = config.whitelist.find((each) => sameAddress(each.address, address));
    return [{ name: named?.name ?? null, address }];
  }
  return config.whitelist.filter((_, i) => i !== placeOf(config));
}

/** The last holder of the lease, if the health service named it. */
export const holderIn = ({ health }: Pick<Facts, "health">): Holder | null =>
  health.kind === "lease" ? health.view.holder : null;

/**
 * The lease says which node leads, and the whitelist says where it is. So it is recognized by its name or its listed
 * address.
 */
export const isHolder = ({ name, result }: HeadFact, holder: Holder | null): boolean =>
  holder !== null && ((name !== null && sameHost(name, holder.node)) || isAt(result.address, holder.address));

/**
 * A current lease holder whose address this node was not told. Anybody who can write to the health service can name
 * any address, and a HEAD that is joined gets Ray's token and this node. So only addresses from this node's own
 * settings count. Another port of a listed host does not: any program there can open one.
 */
export function unlistedHolder(config: Config, facts: Pick<Facts, "health">): Holder | null {
  const holder = holderIn(facts);
  if (holder === null || holder.expiresIn <= 0 || config.explicitHead !== null) return null;
  const parsed = parseAddress(holder.address);
  const isListed = config.whitelist.some(({ address }) => parsed.ok && sameAddress(address, parsed.value));
  const named = config.values.HEAD_WHITELIST.find(({ name }) => sameHost(name, holder.node));
  // Its host may have other names, and a port mapping may have other ports.
  const port = named?.port ?? DEFAULT_HEAD_PORT;
  const isNamed = named !== undefined && (named.mapped || (parsed.ok && parsed.value.port === port));
  return isListed || isNamed ? null : holder;
}

/** A HEAD may be alive that this node cannot see. */
export const someoneIsSilent = ({ heads }: Pick<Facts, "heads">): boolean =>
  heads.some(({ result }) => silent(result));
