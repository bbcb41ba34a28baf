import type { IncomingHttpHeaders } from "node:http";
import { sameHost } from "../../common/address.ts";
import type { Standby } from "../../common/protocol/admin-protocol.ts";
import type { Identity } from "../cluster/callers.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { type Reply, refuse } from "./reply.ts";

/** Who sent a request. Without a cluster of members everybody may do all that the guard of writes lets through. */
export const callerOf = (cluster: Cluster | undefined, { authorization }: IncomingHttpHeaders): Identity =>
  cluster === undefined ? { kind: "admin" } : cluster.callers.identify(authorization);

/** Why a caller is not heard at all; null: it is a member or the admin. */
export function whyNotHeard({ kind }: Identity): Reply | null {
  if (kind === "stranger") return STRANGER;
  return kind === "removed" ? { status: 403, body: REMOVED } : null;
}

/** Why it may not speak for this node; null: it is the node itself or the admin. */
export function whyNotFor(caller: Identity, node: string): Reply | null {
  if (caller.kind === "reader") return READS_ALONE;
  if (caller.kind !== "member" || sameHost(caller.name, node)) return whyNotHeard(caller);
  return refuse(
    403,
    `expected the credential of ${node}, got that of ${caller.name}: a member speaks for itself alone`,
  );
}

/** Why it may not decide about the cluster; null: it is the admin. */
export function whyNotAdmin(caller: Identity): Reply | null {
  if (caller.kind === "reader") return READS_ALONE;
  if (caller.kind !== "member") return whyNotHeard(caller);
  return refuse(
    403,
    `expected the admin's credential, got that of ${caller.name}; do this on a machine that runs a health service`,
  );
}

/** Why a service that does not decide does not answer; null: it does. Who owns its machine may read what was copied last. */
export function whyNotNow(cluster: Cluster, caller: Identity, method: string, path: string): Reply | null {
  const isRead = caller.kind === "admin" && (method === "GET" || method === "HEAD");
  return cluster.decides || isRead || ALWAYS.has(path) ? null : standby(cluster, caller);
}

/** Strangers are not told where the others are. */
export function standby(cluster: Cluster, { kind }: Identity): Reply {
  const isKnown = kind === "member" || kind === "admin";
  const known = isKnown ? { services: cluster.news().services, ...cluster.leader } : { services: [] };
  return { status: 503, body: { reason: "standby", message: STANDBY, ...known } satisfies Standby };
}

/** What each service answers. */
const ALWAYS: ReadonlySet<string> = new Set(["/", "/v1/leader", "/v1/replica", "/v1/promote"]);
const STANDBY =
  "this health service stands by: ask the one that decides, or, if that one is lost for good, have this one take over: ws promote";

/** To a page, whose cookie is no credential. */
export const READS_ALONE = refuse(403, "expected the header Authorization: a page may only read");
const STRANGER = refuse(
  401,
  "expected the header Authorization: Bearer NAME:CREDENTIAL of a member of this cluster",
  {
    "www-authenticate": "Bearer",
  },
);
const REMOVED = {
  reason: "removed",
  message:
    "this machine was removed from the cluster; to join again, get a new token on the first machine, or on that of the last ws promote: ws token",
};
