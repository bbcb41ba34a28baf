import * as z from "zod/mini";
import { sameHost, type WhitelistEntry } from "../../common/address.ts";
import { Count, Host, Word } from "../../common/protocol/from-outside.ts";
import { BaseImage, Joined } from "../../common/protocol/join-protocol.ts";
import { MAX_CANDIDATES } from "../../common/protocol/report-protocol.ts";

const Digest = z.string().check(z.regex(/^[\w-]{43}$/));

/** One machine. Times are milliseconds since 1970, on the service's own clock. */
const KeptMember = z.object({
  ...{ name: Host, address: Host, candidate: z.boolean(), joinedAtMs: Count },
  credential: Digest,
  /** The secret that let it join. */
  joinedBy: Digest,
  /** What its node's image is made from, where it has told. */
  base: z.optional(BaseImage),
});
export type KeptMember = z.infer<typeof KeptMember>;

const KeptToken = z.object({
  ...{ secret: Digest, madeAtMs: Count, endsAtMs: Count, once: z.boolean() },
  replace: z.optional(Host),
  /** Who joined by it last. */
  usedBy: z.optional(Host),
  revoked: z.boolean(),
});
export type KeptToken = z.infer<typeof KeptToken>;

/** PEM. */
const Authority = z.object({ certificate: z.string(), key: z.string() });

/** All that a cluster is, and what a health service keeps of it. */
export const ClusterState = z.object({
  version: z.literal(1),
  ...z.pick(Joined, { cluster: true, rayToken: true, ports: true }).shape,
  /** Grows with each token of Ray's. */
  rayTokenId: z._default(Count, 1),
  /** Grows with each service that takes over, and that one: its address when it did (rank.ts). */
  term: Count,
  leader: z._default(z.string(), ""),
  /** This service decides; the others copy what it keeps. Of this copy alone. */
  decides: z.boolean(),
  /** Where services listen (host:port), the one that decides first, and on whose machine; null where that is not known. */
  services: z.array(z.object({ at: Word, member: z.nullable(Host) })),
  authority: Authority,
  /** Those before it, the last one first: a member that was away knows one of them. */
  earlier: z._default(z.array(Authority), []),
  /**
   * Signs for members' Ray; without one it speaks in clear. A CA of its own: whoever has a certificate of the other one counts as a
   * health service.
   */
  rayAuthority: z.optional(Authority),
  /** What the first member has, and so all others. */
  versions: z.nullable(z.object({ ray: Word, python: Word })),
  members: z.array(KeptMember),
  /** Those that were removed, and are told so; and where a health service of theirs listened. */
  removed: z.array(z.object({ name: Host, credential: Digest, service: z.optional(Word) })),
  tokens: z.array(KeptToken),
});
export type ClusterState = Readonly<z.infer<typeof ClusterState>>;

/** Another member than that one, which is known by this name or at this address. */
export const otherAt = ({ members }: ClusterState, name: string, host: string): KeptMember | undefined =>
  members.find(
    (each) => !sameHost(each.name, name) && [each.name, each.address].some((known) => sameHost(known, host)),
  );

/** Who may become HEAD, in the order in which they joined. */
export const candidatesOf = ({ members, ports }: ClusterState): WhitelistEntry[] =>
  members.flatMap(({ name, address, candidate }) =>
    candidate ? [{ name, host: address, port: ports.gcs, mapped: true }] : [],
  );

/** The same as HEAD_WHITELIST has it. */
export const candidatesLine = (state: ClusterState): string =>
  candidatesOf(state)
    .map(({ name, host, port }) => `${name}=${host}:${port}`)
    .join(" ");

/** Another service copies from this one, and so may take over. The same state where that is known. */
export function addService(state: ClusterState, member: string, at: string): ClusterState {
  const [first, ...others] = state.services;
  const isKnown = state.services.some((each) => each.at === at && each.member === member);
  if (first === undefined || first.at === at || isKnown) return state;
  const left = others.filter((each) => each.at !== at && each.member !== member);
  return { ...state, services: [first, ...left, { at, member }].slice(0, MAX_CANDIDATES) };
}

/** The service that keeps this state and decides is at this address now, on the machine of that member, where that is known. */
export function settle(state: ClusterState, at: string, member: string | null = null): ClusterState {
  const [own, ...others] = state.services;
  if (!state.decides || own === undefined) return state;
  if (own.at === at && own.member === (member ?? own.member)) return state;
  const left = others.filter((each) => each.at !== at && each.member !== member);
  return { ...state, services: [{ at, member: member ?? own.member }, ...left] };
}

/** The one at this address, on the machine of that member, decides under this term. */
export function lead(state: ClusterState, at: string, member: string | null, term: number): ClusterState {
  const others = state.services.filter(
    (each) => each.at !== at && (member === null || each.member !== member),
  );
  const services = [{ at, member }, ...others].slice(0, MAX_CANDIDATES);
  return { ...state, term, leader: at, decides: true, services };
}
