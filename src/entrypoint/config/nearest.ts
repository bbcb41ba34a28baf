import { isIPv4 } from "node:net";
import leven from "leven";
import { VARIABLE_NAMES } from "./variables.ts";

/** The name of the list that was perhaps meant; null where none is near. */
export function nearestName(name: string, names: readonly string[]): string | null {
  const [best] = names
    .map((each) => ({ each, distance: distanceOf(each.toLowerCase(), name.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.each : null;
}

/** A domain that only one of the two names has does not count as a difference. */
function distanceOf(a: string, b: string): number {
  if (isIPv4(a) || isIPv4(b)) return leven(a, b);
  const [labelOfA = a] = a.split(".");
  const [labelOfB = b] = b.split(".");
  return Math.min(leven(a, b), leven(labelOfA, labelOfB));
}

/** A variable of the environment that looks like one of ours but is not one of them. */
export interface Misspelt {
  readonly name: string;
  /** The variable that was probably meant. */
  readonly nearest: string | null;
}

/** The health service's variables, which may be in the same environment file. */
const OF_THE_SERVICE = /^RAY_EP_(?:HEALTH_(?:HOST|PORT|STATE_DIR)|LEASE_TTL)$/;

/** Otherwise a misspelt variable would silently leave the default in force. */
export const findMisspelt = (names: readonly string[]): Misspelt[] =>
  names
    .filter((name) => !VARIABLE_NAMES.some((each) => each === name) && !OF_THE_SERVICE.test(name))
    .filter((name) => /^RAY_?EP_/i.test(name) || isSlip(name))
    .map((name) => ({ name, nearest: nearestName(name, VARIABLE_NAMES) }));

/** A letter or two from one of ours; names that begin otherwise may be anybody's. */
const isSlip = (name: string): boolean =>
  VARIABLE_NAMES.some(
    (each) => Math.abs(each.length - name.length) <= 2 && leven(each, name.toUpperCase()) <= 2,
  );
