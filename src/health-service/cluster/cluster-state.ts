import * as z from "zod/mini";
import type { WhitelistEntry } from "../../common/address.ts";
import { Count, Host, Word } from "../../common/protocol/from-outside.ts";
import { Joined } from "../../common/protocol/join-protocol.ts";

const Digest = z.string().check(z.regex(/^[\w-]{43}$/));

/** One machine. Times are milliseconds since 1970, on the service's own clock. */
const KeptMember = z.object({
  ...{ name: Host, address: Host, candidate: z.boolean(), joinedAtMs: Count },
  credential: Digest,
  /** The secret that let it join. */
  joinedBy: Digest,
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

/** All that a cluster is, and what a health service keeps of it. */
export const ClusterState = z.object({
  version: z.literal(1),
  ...z.pick(Joined, { cluster: true, rayToken: true, ports: true }).shape,
  /** PEM. */
  authority: z.object({ certificate: z.string(), key: z.string() }),
  /** What the first member has, and so all others. */
  versions: z.nullable(z.object({ ray: Word, python: Word })),
  members: z.array(KeptMember),
  /** Those that were removed, and are told so. */
  removed: z.array(z.object({ name: Host, credential: Digest })),
  tokens: z.array(KeptToken),
});
export type ClusterState = Readonly<z.infer<typeof ClusterState>>;

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
