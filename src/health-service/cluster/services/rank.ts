import { sign, verify } from "node:crypto";
import { parseAddress } from "../../../common/address.ts";
import { attempt } from "../../../common/result.ts";
import type { ClusterState } from "../cluster-state.ts";

/*
 * Which of several health services decides. Pure. `leader`: the one that decides under `term`, host:port.
 */

export interface Rank {
  readonly term: number;
  readonly leader: string;
}

/** A total order: two services that took over at the same moment have one term, and two names. */
export const outranks = (a: Rank, b: Rank): boolean =>
  a.term > b.term || (a.term === b.term && a.leader > b.leader);

/** Each takeover adds one or two. */
const MAX_TERMS_AHEAD = 1000;

/** A term far above one's own was made up: no service could take over any more once the numbers end. */
export const isCredible = (term: number, own: number): boolean => term <= own + MAX_TERMS_AHEAD;

/** The rank that a service says it decides under: the one that is followed already goes above whatever removed machines claim. */
export const isCredibleOf = ({ term, leader }: Rank, own: Rank): boolean =>
  leader === own.leader || isCredible(term, own.term);

/**
 * The state of a service that has heard of a rank above its own: it gives way. Where the machine of that leader was removed, the
 * service that decides goes above it instead, so that others follow it and not what was removed.
 */
export function giveWay(state: ClusterState, { term, leader }: Rank): ClusterState {
  if (!isRemoved(state, leader)) return { ...state, decides: false, term, leader };
  return state.decides ? { ...state, term: term + 1 } : state;
}

/** The service at this address was that of a machine that is no member any more. */
const isRemoved = ({ services, removed }: ClusterState, leader: string): boolean =>
  removed.some(({ service }) => service === leader) && !services.some(({ at }) => at === leader);

/** Whether who sent a request with that rank makes this service decide otherwise. Of a removed one, only what it decides itself counts. */
export function isNews(state: ClusterState, rank: Rank, kind: string): boolean {
  if (kind === "removed") return isRemoved(state, rank.leader) && outranks(rank, state);
  // The same one may have another address by now.
  return kind === "member" && rank.term > state.term;
}

/** How a request names a rank. */
export const rankQuery = (name: string, { term, leader }: Rank): string =>
  `${name}=${term}@${encodeURIComponent(leader)}`;

/** Undefined where a request names none that can be read. */
export function parseRank(name: string, url: string): Rank | undefined {
  const given = new URLSearchParams(url.split("?")[1]).get(name);
  const [, term, leader = ""] = /^(\d{1,15})@(.+)$/.exec(given ?? "") ?? [];
  return term !== undefined && parseAddress(leader).ok ? { term: Number(term), leader } : undefined;
}

const FORMAT = { hash: "sha256", dsaEncoding: "ieee-p1363" } as const;
/** No certificate begins like this, which the same key signs. */
const statementOf = ({ term, leader }: Rank): Buffer => Buffer.from(`decides under ${term}@${leader}`);

/** That this rank's leader decides under it: signed by the cluster's CA, whose key services alone have. Members carry it to others. */
export function proofOf(rank: Rank, { key }: ClusterState["authority"]): string {
  const { hash, dsaEncoding } = FORMAT;
  return sign(hash, statementOf(rank), { key, dsaEncoding }).toString("base64url");
}

/** How a service names to others the rank that it knows. */
export const provenQuery = (rank: Rank, authority: ClusterState["authority"]): string =>
  `${rankQuery("heard", rank)}&proof=${proofOf(rank, authority)}`;

/** Whether a request proves the rank that it names: a member's word alone takes no service out of its duty. */
export function isProven(rank: Rank, url: string, { certificate }: ClusterState["authority"]): boolean {
  const { hash, dsaEncoding } = FORMAT;
  const proof = Buffer.from(new URLSearchParams(url.split("?")[1]).get("proof") ?? "", "base64url");
  return attempt(() => verify(hash, statementOf(rank), { key: certificate, dsaEncoding }, proof)) ?? false;
}
