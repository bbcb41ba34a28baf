import type { JoinRefused, JoinRequest } from "../../common/protocol/join-protocol.ts";
import type { ClusterState, KeptMember, KeptToken } from "./cluster-state.ts";

/** What a refusal is about. `heardAgoMs`: of the member that has the name; null where it was not heard since this service's start. */
export interface RefusalFacts {
  readonly nowMs: number;
  readonly request: JoinRequest;
  readonly state: ClusterState;
  readonly token?: KeptToken | undefined;
  readonly taken?: KeptMember | undefined;
  readonly heardAgoMs: number | null;
}

/** Where the service that decides is asked as its admin. */
const THERE = "on the first machine, or on that of the last ws promote";
const NEW_TOKEN = `get a new one ${THERE}: ws token`;
const at = (ms = 0): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

/** Why a machine does not become a member, and what to do: one sentence each. */
export function explainJoinRefusal(reason: JoinRefused["reason"], facts: RefusalFacts): string {
  const { request, state, token } = facts;
  const { name } = state.cluster;
  return {
    "unknown-token": `cluster ${name} did not make this join token; is it another cluster's? Else ${NEW_TOKEN}`,
    expired: `this join token ended at ${at(token?.endsAtMs)}, and here it is ${at(facts.nowMs)}; ${NEW_TOKEN}`,
    revoked: `this join token was revoked; ${NEW_TOKEN}`,
    used: `this join token works once, and ${token?.usedBy} has joined by it; ${NEW_TOKEN}`,
    "other-name": `this join token is for a machine named ${token?.replace}, and this one is named ${request.node}; ${NEW_TOKEN}`,
    "name-taken": nameTaken(facts),
    full: request.candidate
      ? `cluster ${name} has as many candidates as it can; join without --candidate`
      : `cluster ${name} has as many members as it can; remove one ${THERE}: ws remove NAME`,
    "other-ray": `expected Ray ${state.versions?.ray}, as all of cluster ${name} have it, got ${request.ray}; use an image with that Ray`,
    "other-python": `expected Python ${state.versions?.python}, as all of cluster ${name} have it, got ${request.python}; use an image with that Python`,
  }[reason];
}

function nameTaken({ taken, token, heardAgoMs }: RefusalFacts): string {
  const heard =
    heardAgoMs === null
      ? "has not been heard since the health service started"
      : `was last heard ${Math.round(heardAgoMs / 1000)} s ago`;
  const who = `${taken?.name} at ${taken?.address} has been a member since ${at(taken?.joinedAtMs)}, and ${heard}`;
  return token?.replace === undefined
    ? `${who}; if this machine takes its place, get a token for that ${THERE}: ws token --replace ${taken?.name}; else give this one another hostname`
    : `${who}, so it ${heardAgoMs === null ? "may live: try again in 15 s" : "lives; stop it"}, or remove it ${THERE}: ws remove ${taken?.name}`;
}
