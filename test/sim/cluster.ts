import type { Config } from "../../src/entrypoint/config/config.ts";
import { readConfig } from "../../src/entrypoint/config/read-config.ts";
import type { Theme } from "./faults/themes.ts";
import { Place } from "./place.ts";
import type { Prng } from "./prng.ts";

/** How the cluster finds its HEAD: by the lease mostly; by the whitelist alone; or it is told. */
export type Mode = "lease" | "plain-200" | "explicit";

const MODES: readonly Mode[] = [...new Array<Mode>(8).fill("lease"), "plain-200", "explicit"];

const NAMES = ["n0", "n1", "n2", "n3", "n4"] as const;

export interface Cluster {
  readonly mode: Mode;
  readonly places: readonly Place[];
  /** A second host for the name of one of them, which does not exist yet. */
  readonly twin: Place;
}

export function makeCluster(prng: Prng, theme: Theme): Cluster {
  const mode = theme === "silence" && prng.chance(0.6) ? "plain-200" : prng.pick(modesOf(theme));
  const names = NAMES.slice(0, prng.between(2, NAMES.length));
  const candidates = names.length > 2 && prng.chance(0.3) ? names.slice(0, -1) : names;
  const takeover = prng.pick(["1", "5", "30"]);
  const fencing = mode === "lease" && prng.chance(STRICT[theme] ?? 0.3) ? "strict" : "plain";
  const state = prng.chance(0.6) ? "/state" : "";
  const upSinceMs = () => prng.between(0, 10_000_000);
  const config = (name: string) => configOf(name, candidates, { takeover, fencing, mode, state });
  const twinned = prng.pick(candidates);
  return {
    mode,
    places: names.map((name) => new Place(name, config(name), upSinceMs())),
    twin: new Place(`${twinned}'`, config(twinned), upSinceMs(), false),
  };
}

/** The probability of strict fencing in the themes that need it. */
const STRICT: Partial<Record<Theme, number>> = {
  twins: 0.5,
  guards: 1,
  sleep: 0.5,
  unled: 0.1,
  service: 0.1,
};

/** Themes about the lease need a service that keeps one. */
const modesOf = (theme: Theme): readonly Mode[] =>
  ["guards", "twins", "shared"].includes(theme) ? ["lease"] : MODES;

const configs = new Map<string, Config>();

/** Reading a configuration takes longer than a history's second; there are few. */
function configOf(
  name: string,
  whitelist: readonly string[],
  { takeover, fencing, mode, state }: Record<"takeover" | "fencing" | "mode" | "state", string>,
): Config {
  const key = `${name} ${whitelist.join(",")} ${takeover} ${fencing} ${mode} ${state}`;
  const known = configs.get(key);
  if (known !== undefined) return known;
  const env = {
    HEAD_WHITELIST: whitelist.join(" "),
    RAY_EP_NODE_NAME: name,
    RAY_EP_TAKEOVER_AFTER: takeover,
    RAY_EP_FENCING: fencing,
    RAY_EP_STATE_DIR: state,
    ...(mode === "explicit" ? { HEAD_ADDRESS: `${whitelist[0]}:6379` } : {}),
  };
  const read = readConfig({ env, hostname: name, rayWords: [], tokenFile: null, healthTokenFile: null });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  configs.set(key, read.value);
  return read.value;
}
