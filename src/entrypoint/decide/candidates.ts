import { type Address, isAt, parseAddress, sameAddress, sameHost } from "../../common/address.ts";
import type { Holder } from "../../common/lease-protocol.ts";
import { silent } from "../../common/sighting.ts";
import { DEFAULT_HEAD_PORT } from "../config/identity.ts";
import type { Config } from "../config.ts";
import type { Facts, HeadFact } from "../facts.ts";

/** This node's place in the whitelist, or -1. */
export function placeOf(config: Pick<Config, "node" | "whitelist">): number {
  return config.whitelist.findIndex((each) => each.name.toLowerCase() === config.node.toLowerCase());
}

export function isCandidate(config: Pick<Config, "node" | "whitelist">): boolean {
  return placeOf(config) >= 0;
}

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

/** The last holder of the lease, as far as the health service told. */
export const holderIn = ({ health }: Pick<Facts, "health">): Holder | null =>
  health.kind === "lease" ? health.view.holder : null;

/** The lease says who leads, the whitelist where that one is: so it is known by its name, or by the address as listed. */
export const isHolder = ({ name, sighting }: HeadFact, holder: Holder | null): boolean =>
  holder !== null &&
  ((name !== null && sameHost(name, holder.node)) || isAt(sighting.address, holder.address));

/**
 * A living holder of the lease that this node does not look for. Whoever can write to the health service can name any
 * address there, and the one that is joined gets Ray's token and this node: so only what this node was told itself counts.
 * Another port of a listed host does not: whoever may open a port there is not yet its HEAD.
 */
export function unlistedHolder(config: Config, facts: Pick<Facts, "health">): Holder | null {
  const holder = holderIn(facts);
  if (holder === null || holder.expiresIn <= 0 || config.explicitHead !== null) return null;
  const parsed = parseAddress(holder.address);
  const isListed = config.whitelist.some(({ address }) => parsed.ok && sameAddress(address, parsed.value));
  const named = config.values.HEAD_WHITELIST.find(({ name }) => sameHost(name, holder.node));
  // Its host may have other names, and a port mapping other ports.
  const port = named?.port ?? DEFAULT_HEAD_PORT;
  const isNamed = named !== undefined && (named.mapped || (parsed.ok && parsed.value.port === port));
  return isListed || isNamed ? null : holder;
}

/** A HEAD may live out of this node's sight. */
export const someoneIsSilent = ({ heads }: Pick<Facts, "heads">): boolean =>
  heads.some(({ sighting }) => silent(sighting));
