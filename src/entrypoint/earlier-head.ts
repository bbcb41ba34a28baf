import type { Address } from "../common/address.ts";
import type { Clock } from "../common/deadline.ts";
import type { Sighting } from "../common/sighting.ts";
import type { Config } from "./config.ts";
import { placeOf } from "./decide/candidates.ts";
import type { Trouble } from "./watch.ts";

const EVERY_MS = 2000;

/**
 * For a HEAD that leads without a lease: looks for an earlier candidate that leads as well, which nothing else would ever
 * end. Resolves with that trouble; with null when `signal` aborts first. The earlier one does not look for the later.
 */
export async function findEarlierHead(
  config: Config,
  probe: (address: Address, timeoutMs: number) => Promise<Sighting>,
  clock: Clock,
  signal: AbortSignal,
): Promise<Trouble | null> {
  const earlier = config.whitelist.slice(0, Math.max(0, placeOf(config)));
  while (earlier.length > 0 && (await clock.pause(EVERY_MS, signal))) {
    const seen = await Promise.all(
      earlier.map(async ({ name, address }) => ({
        name,
        sighting: await probe(address, config.values.DISCOVERY_TIMEOUT),
      })),
    );
    const head = seen.find(({ sighting }) => sighting.kind === "ray-gcs");
    if (head !== undefined) return { kind: "earlier-head", node: head.name, address: head.sighting.address };
  }
  return null;
}
