import { type Address, parseAddress, sameAddress } from "../../common/address.ts";
import { silent } from "../../common/sighting.ts";
import type { Config } from "../config.ts";
import type { Facts } from "../facts.ts";

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

/** The address of the lease's holder, where it is one that the whitelist does not know. */
export function holderAddress(facts: Pick<Facts, "health">): Address | null {
  const holder = facts.health.kind === "lease" ? facts.health.view.holder : null;
  const parsed = holder === null ? null : parseAddress(holder.address);
  return parsed?.ok ? parsed.value : null;
}

/** A HEAD may live out of this node's sight. */
export const someoneIsSilent = ({ heads }: Pick<Facts, "heads">): boolean =>
  heads.some(({ sighting }) => silent(sighting));
