import { isIPv4 } from "node:net";
import { isLoopback } from "../../common/address.ts";
import { resolveOnce } from "../../common/lookup.ts";
import type { Config } from "../config/config.ts";
import type { OwnInterface } from "../config/identity.ts";
import type { Event } from "../output/event.ts";
import { possibleHeads } from "./decide/candidates.ts";

/**
 * Says which names of possible HEADs lead to this very machine: a container whose hostname was left to the engine would wait
 * for itself. Decides nothing, and nobody waits for the lookups.
 */
export function tellOwnNames(
  config: Config,
  interfaces: readonly OwnInterface[],
  log: (event: Event) => void,
  resolve = resolveOnce,
): void {
  for (const { address } of possibleHeads(config)) {
    if (isIPv4(address.host) || address.port !== config.ownAddress.port) continue;
    resolve(address.host, (error, at) => {
      const own = interfaces.find((each) => each.address === at && !isLoopback(at));
      if (error === null && own !== undefined)
        log({ type: "own-name", node: config.node, host: address.host, at, card: own.name });
    });
  }
}
