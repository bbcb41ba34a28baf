import { isIPv4 } from "node:net";
import leven from "leven";

/** The name of the list that was perhaps meant; null where none is near. */
export function nearestName(name: string, names: readonly string[]): string | null {
  const ranked = names
    .map((each) => ({ each, distance: distanceOf(each.toLowerCase(), name.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.each : null;
}

/** A domain that only one of the two names has does not count as a difference. */
function distanceOf(a: string, b: string): number {
  if (isIPv4(a) || isIPv4(b)) return leven(a, b);
  const [labelOfA = a] = a.split(".");
  const [labelOfB = b] = b.split(".");
  return Math.min(leven(a, b), leven(labelOfA, labelOfB));
}
