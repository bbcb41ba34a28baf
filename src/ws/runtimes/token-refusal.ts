import { formatAddress } from "../../common/address.ts";
import { lookForHeads, refusing, type Sight } from "../cluster-view.ts";
import type { WsFailure } from "../failure.ts";

/** A cluster that refuses our token would be taken for one without a HEAD, and be made anew; undefined where none does. */
export async function refusalOf(sight: Sight): Promise<WsFailure | undefined> {
  const sighting = refusing(await lookForHeads(sight));
  return sighting && { reason: "token-refused", at: formatAddress(sighting.address) };
}
