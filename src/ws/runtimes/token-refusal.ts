import { formatAddress } from "../../common/address.ts";
import { lookForHeads, refusing, type Sight } from "../cluster-view.ts";
import type { WsFailure } from "../failure.ts";

/**
 * The failure if the cluster refuses our token, since it would otherwise seem to have no HEAD and be recreated.
 * Undefined if it does not.
 */
export async function refusalOf(sight: Sight): Promise<WsFailure | undefined> {
  const result = refusing(await lookForHeads(sight));
  return result && { reason: "token-refused", at: formatAddress(result.address) };
}
