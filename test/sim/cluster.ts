import { type Config, readConfig } from "../../src/entrypoint/config.ts";
import { Place } from "./place.ts";
import type { Prng } from "./prng.ts";

/** How the cluster finds its HEAD: by the lease mostly; by the whitelist alone; or it is told. */
export type Mode = "lease" | "plain-200" | "explicit";

export const MODES: readonly Mode[] = [...new Array<Mode>(8).fill("lease"), "plain-200", "explicit"];

const NAMES = ["n0", "n1", "n2", "n3", "n4"] as const;

export function makePlaces(prng: Prng, mode: Mode): Place[] {
  const names = NAMES.slice(0, prng.between(2, NAMES.length));
  const candidates = names.length > 2 && prng.chance(0.3) ? names.slice(0, -1) : names;
  const takeover = prng.pick(["1", "5", "30"]);
  const fencing = mode === "lease" && prng.chance(0.3) ? "strict" : "plain";
  return names.map((name) => new Place(name, configOf(name, candidates, takeover, fencing, mode)));
}

const configs = new Map<string, Config>();

/** Reading a configuration takes longer than a history's second; there are few. */
function configOf(
  name: string,
  whitelist: readonly string[],
  takeover: string,
  fencing: string,
  mode: Mode,
): Config {
  const key = `${name} ${whitelist.join(",")} ${takeover} ${fencing} ${mode}`;
  const known = configs.get(key);
  if (known !== undefined) return known;
  const env = {
    HEAD_WHITELIST: whitelist.join(" "),
    RAY_EP_NODE_NAME: name,
    RAY_EP_TAKEOVER_AFTER: takeover,
    RAY_EP_FENCING: fencing,
    ...(mode === "explicit" ? { HEAD_ADDRESS: `${whitelist[0]}:6379` } : {}),
    // The model of the health service's client makes the tries, in virtual time.
    HEALTH_MAX_RETRIES: "1",
  };
  const read = readConfig({ env, hostname: name, rayWords: [], tokenFile: null, healthTokenFile: null });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  configs.set(key, read.value);
  return read.value;
}
