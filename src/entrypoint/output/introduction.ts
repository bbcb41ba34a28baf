import { findMisspelt, nearestName } from "../config/nearest.ts";
import { mayLead, placeOf } from "../election/decide/candidates.ts";
import type { PlanInput } from "../ray/command.ts";
import type { Event } from "./event.ts";

/** Who this node is and what it was told, as a start says it first and a dry run too. Pure. */
export function introduction({ config, local, env }: PlanInput): Event[] {
  const { node, calledItself, alike, ownInterface, explicitHead, auth, tls } = config;
  const whitelist = config.whitelist.map(({ name }) => name);
  const place = placeOf(config);
  const nearest = place >= 0 ? null : nearestName(node, whitelist);
  const open = auth.mode === "disabled" && tls === undefined;
  const events: Event[] = [
    { type: "candidate", node, calledItself, alike, whitelist, place, nearest },
    { type: "ray-auth", mode: auth.mode, reason: auth.reason, version: local.ray.version, open },
  ];
  if (local.rayUser.uid === 0 && config.values.RAY_EP_USER === null) events.push({ type: "ray-as-root" });
  if (ownInterface !== undefined) events.push({ type: "own-interface", ...ownInterface });
  const { RAY_EP_STATE: state, RAY_EP_STATE_DIR: folder } = config.values;
  if (folder !== null && local.stateObstacle !== null && state !== "none" && mayLead(config))
    events.push({
      type: "warning",
      what: `Ray's user ${local.rayUser.name} cannot write in ${folder} (${local.stateObstacle}), so the cluster's state is not kept: a HEAD that restarts is a new cluster`,
      fix: "Mount a folder there that this user can write, or set RAY_EP_STATE=none.",
    });
  for (const each of findMisspelt(Object.keys(env))) events.push({ type: "misspelt", ...each });
  if (explicitHead !== null) events.push({ type: "explicit-head", explicit: explicitHead });
  return events;
}
