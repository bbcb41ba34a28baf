import { nearestName } from "../nearest.ts";
import { VARIABLES } from "./variables.ts";

/** A variable of the environment that begins like ours but is not one of them. */
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
    .filter((name) => /^RAY_?EP_/i.test(name) && !known.has(name))
    .map((name) => ({ name, nearest: nearestName(name.toUpperCase(), ours) }));
}
