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

/** Of a program that is PID 1. */
export const NO_INIT: Event = {
  type: "warning",
  what: "this program is PID 1 and finds no init: dead processes of this container will pile up",
  fix: "Use docker run --init (compose: init: true), or an image with tini.",
};

/** Of a node whose Ray requires a token. */
export const OPEN_LEASE: Event = {
  type: "warning",
  what: "Ray requires a token here, but this node has no token for the health service: if the service takes writes from everybody, anybody can decide which node leads",
  fix: "Give the health service and all nodes the same secret: RAY_EP_HEALTH_TOKEN, or RAY_EP_HEALTH_TOKEN_FILE with the path of a file that holds it.",
};
