import leven from "leven";
import { nearestName } from "./nearest.ts";
import { VARIABLES } from "./variables.ts";

/** A variable of the environment that looks like one of ours but is not one of them. */
export interface Misspelt {
  readonly name: string;
  /** The variable that was probably meant. */
  readonly nearest: string | null;
}

/** The health service's variables, which may be in the same environment file. */
const OF_THE_SERVICE = [
  "RAY_EP_HEALTH_HOST",
  "RAY_EP_HEALTH_PORT",
  "RAY_EP_HEALTH_STATE_DIR",
  "RAY_EP_LEASE_TTL",
];

/** Otherwise a misspelt variable would silently leave the default in force. */
export function findMisspelt(names: readonly string[]): Misspelt[] {
  const ours = Object.keys(VARIABLES);
  const known = new Set([...ours, ...OF_THE_SERVICE]);
  return names
    .filter((name) => !known.has(name) && (/^RAY_?EP_/i.test(name) || isSlipOf(name, ours)))
    .map((name) => ({ name, nearest: nearestName(name, ours) }));
}

/** A letter or two from one of ours; names that begin otherwise may be anybody's. */
const isSlipOf = (name: string, ours: readonly string[]): boolean =>
  ours.some((each) => Math.abs(each.length - name.length) <= 2 && leven(each, name.toUpperCase()) <= 2);
