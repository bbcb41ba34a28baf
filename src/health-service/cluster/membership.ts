import { isDeepStrictEqual } from "node:util";
import { matchingNames, peer, sameHost } from "../../common/address.ts";
import type { TokenRequest } from "../../common/protocol/admin-protocol.ts";
import type { BaseImage, JoinRefused, JoinRequest } from "../../common/protocol/join-protocol.ts";
import { MAX_CANDIDATES } from "../../common/protocol/report-protocol.ts";
import type { ClusterState, KeptMember, KeptToken } from "./cluster-state.ts";
import { sameDigest } from "./secrets.ts";

/*
 * Who becomes a member, and who is one no more. Pure: (state, request, facts) → (state, answer). Secrets come as their digests.
 */

const MAX_MEMBERS = 1000;
const MAX_TOKENS = 100;
/** A removed member is told so until that many others were. */
const MAX_REMOVED = 1000;

export interface JoinFacts {
  readonly nowMs: number;
  /** Of the secret in the request, and of the credential that the member is to have. */
  readonly secret: string;
  readonly credential: string;
  /** A member's name that nobody has used yet: the answer to its join may have been lost, so that it joins once more. */
  readonly isFresh: (name: string) => boolean;
  /** It was heard lately. */
  readonly lives: (name: string) => boolean;
}

export type JoinStep =
  | { readonly state: ClusterState }
  | {
      readonly reason: JoinRefused["reason"];
      readonly token?: KeptToken | undefined;
      /** Who has the name. */
      readonly taken?: KeptMember | undefined;
    };

/** A machine asks to become a member. */
export function join(state: ClusterState, request: JoinRequest, facts: JoinFacts): JoinStep {
  const token = state.tokens.find(({ secret }) => sameDigest(secret, facts.secret));
  const [taken] = matchingNames(state.members, request.node);
  const reason =
    whyNotToken(token, request, facts, taken) ?? whyNotMember(state, request, facts, token, taken);
  if (token === undefined || reason !== undefined) return { reason: reason ?? "unknown-token", token, taken };
  const { node: name, address, candidate, ray, python } = request;
  const joined = { joinedAtMs: facts.nowMs, credential: facts.credential, joinedBy: token.secret };
  const member = { name, address, candidate, ...joined };
  const known = taken === undefined ? state : remove(state, taken.name);
  const place = taken === undefined ? known.members.length : state.members.indexOf(taken);
  const members = known.members.toSpliced(place, 0, member);
  const tokens = known.tokens.map((each) => (each === token ? { ...token, usedBy: name } : each));
  const versions = state.members.length === 0 ? { ray, python } : state.versions;
  return { state: { ...known, members, tokens, versions } };
}

function whyNotToken(
  token: KeptToken | undefined,
  request: JoinRequest,
  { nowMs, isFresh }: JoinFacts,
  taken: KeptMember | undefined,
): JoinRefused["reason"] | undefined {
  if (token === undefined) return "unknown-token";
  if (token.revoked) return "revoked";
  if (nowMs >= token.endsAtMs) return "expired";
  if (token.once && token.usedBy !== undefined && !isAgain(request, token, taken, isFresh)) return "used";
  return token.replace === undefined || sameHost(token.replace, request.node) ? undefined : "other-name";
}

/** The machine that joined by this token from there, and never used what it was answered. */
const isAgain = (
  { address }: JoinRequest,
  token: KeptToken,
  taken: KeptMember | undefined,
  isFresh: (name: string) => boolean,
): boolean => taken?.joinedBy === token.secret && taken.address === address && isFresh(taken.name);

function whyNotMember(
  { members, versions }: ClusterState,
  request: JoinRequest,
  { isFresh, lives }: JoinFacts,
  token: KeptToken | undefined,
  taken: KeptMember | undefined,
): JoinRefused["reason"] | undefined {
  if (taken !== undefined && token !== undefined && !isAgain(request, token, taken, isFresh)) {
    if (token.replace === undefined || lives(taken.name)) return "name-taken";
  }
  const { candidate, ray, python } = request;
  const others = members.filter((each) => each !== taken);
  const isCrowded = candidate && others.filter((each) => each.candidate).length >= MAX_CANDIDATES;
  if (others.length >= MAX_MEMBERS || isCrowded) return "full";
  if (members.length === 0 || versions === null) return undefined;
  if (ray !== versions.ray) return "other-ray";
  return python === versions.python ? undefined : "other-python";
}

/**
 * A member has another address than before: its machine was given one. The same state where it has not, or where that is none: all
 * members read the list of candidates, and one wrong entry spoils it.
 */
export function move(state: ClusterState, name: string, address: string): ClusterState {
  if (!peer.parse(address).ok) return state;
  const hasMoved = (member: KeptMember) => sameHost(member.name, name) && member.address !== address;
  if (!state.members.some(hasMoved)) return state;
  return { ...state, members: state.members.map((each) => (hasMoved(each) ? { ...each, address } : each)) };
}

/** A member tells what its image is made from. The same state where that is known, or there is no such member. */
export function tellBase(state: ClusterState, name: string, base: BaseImage): ClusterState {
  const isNews = (member: KeptMember) => sameHost(member.name, name) && !isDeepStrictEqual(member.base, base);
  if (!state.members.some(isNews)) return state;
  return { ...state, members: state.members.map((each) => (isNews(each) ? { ...each, base } : each)) };
}

/**
 * Ends a membership: its credential is worth nothing from now on, and its name is free. `neverRan`: it gives back what it could not
 * use, so that a token that works once still does.
 */
export function remove(state: ClusterState, name: string, neverRan = false): ClusterState {
  const isIt = (member: KeptMember) => sameHost(member.name, name);
  const service = state.services.find(({ member }) => member !== null && sameHost(member, name));
  const gone = state.members
    .filter(isIt)
    .map(({ name, credential }) => ({ name, credential, service: service?.at }));
  const members = state.members.filter((member) => !isIt(member));
  // The service that decides goes on, on whatever machine it is.
  const services = state.services.filter((each, i) => i === 0 || each !== service);
  const isItsToken = ({ secret }: KeptToken) =>
    neverRan && state.members.some((member) => isIt(member) && member.joinedBy === secret);
  const tokens = state.tokens.map((each) => (isItsToken(each) ? { ...each, usedBy: undefined } : each));
  return { ...state, members, services, tokens, removed: [...state.removed, ...gone].slice(-MAX_REMOVED) };
}

/** Adds a join token, which is kept as its digest alone. */
export function addToken(
  state: ClusterState,
  { expiresInS, once, replace }: TokenRequest,
  secret: string,
  nowMs: number,
): { readonly state: ClusterState; readonly token: KeptToken } {
  const endsAtMs = nowMs + expiresInS * 1000;
  const token = {
    secret,
    madeAtMs: nowMs,
    endsAtMs,
    once: once || replace !== undefined,
    replace,
    revoked: false,
  };
  return { state: { ...state, tokens: [...state.tokens, token].slice(-MAX_TOKENS) }, token };
}

const isGood = ({ revoked, endsAtMs }: KeptToken, nowMs: number): boolean => !revoked && nowMs < endsAtMs;

/** Whether the token of that digest lets a machine join. */
export const admits = ({ tokens }: ClusterState, secret: string, nowMs: number): boolean =>
  tokens.some(
    (token) =>
      isGood(token, nowMs) && !(token.once && token.usedBy !== undefined) && sameDigest(token.secret, secret),
  );

/** Revokes the token of that digest, or all: the state, and how many worked until now. */
export function revokeTokens(
  state: ClusterState,
  secret: string | undefined,
  nowMs: number,
): { readonly state: ClusterState; readonly revoked: number } {
  const isMeant = (token: KeptToken) =>
    isGood(token, nowMs) && (secret === undefined || sameDigest(token.secret, secret));
  const tokens = state.tokens.map((token) => (isMeant(token) ? { ...token, revoked: true } : token));
  return { state: { ...state, tokens }, revoked: state.tokens.filter(isMeant).length };
}
