import type { Config } from "../config/config.ts";
import { type LocalFact, rayOf } from "../config/local.ts";
import { findMisspelt, nearestName } from "../config/nearest.ts";
import { placeOf } from "../election/decide/candidates.ts";
import type { Event } from "./event.ts";

interface Introduced {
  readonly config: Config;
  readonly local: LocalFact;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Who this node is and what it was told, as a start says it first and a dry run too. Pure. */
export function introduction({ config, local, env }: Introduced): Event[] {
  const { node, calledItself, alike, ownInterface, explicitHead, auth, tls } = config;
  const whitelist = config.whitelist.map((each) => each.name);
  const place = placeOf(config);
  const nearest = place >= 0 ? null : nearestName(node, whitelist);
  return [
    { type: "candidate", node, calledItself, alike, whitelist, place, nearest },
    {
      type: "ray-auth",
      mode: auth.mode,
      reason: auth.reason,
      version: rayOf(local)?.version ?? null,
      open: auth.mode === "disabled" && tls === undefined,
    },
    ...(ownInterface === undefined ? [] : [{ type: "own-interface", ...ownInterface } as const]),
    ...findMisspelt(Object.keys(env)).map((each) => ({ type: "misspelt", ...each }) as const),
    ...(explicitHead === null ? [] : [{ type: "explicit-head", explicit: explicitHead } as const]),
  ];
}
