import { type Address, formatAddress } from "../../common/address.ts";
import { lookForHeads, refusing } from "../cluster-view.ts";
import type { WsFailure } from "../failure.ts";

/** A cluster that refuses our token would be taken for one without a HEAD, and be made anew; undefined where none does. */
export async function tokenRefusal(
  addresses: readonly Address[],
  token: string | null,
): Promise<WsFailure | undefined> {
  const sighting = refusing(await lookForHeads(addresses, token));
  if (sighting === undefined) return undefined;
  return { reason: "token-refused", at: formatAddress(sighting.address) };
}
