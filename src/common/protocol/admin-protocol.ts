import * as z from "zod/mini";
import { Count, Name, Text, Word } from "./from-outside.ts";
import { Joined } from "./join-protocol.ts";
import { ClusterNews } from "./report-protocol.ts";

/*
 * What the admin of a cluster of several machines asks of its health services, and what they say of its members. Apart from
 * join-protocol.ts, so that a node's start does not build schemas that it never uses.
 */

/** Body of `POST /v1/tokens` (the admin). `replace`: the name of a silent member that the joiner may take, once. */
export const TokenRequest = z.object({
  expiresInS: z.int().check(z.minimum(1), z.maximum(365 * 86_400)),
  once: z.boolean(),
  replace: z.optional(Name),
});
export type TokenRequest = z.infer<typeof TokenRequest>;

/** 200 of `POST /v1/tokens`: the join token, shown once; the service keeps its hash. */
export const TokenMade = z.object({ token: Text, expiresAt: Text });
export type TokenMade = z.infer<typeof TokenMade>;

/** Body of `DELETE /v1/tokens` (the admin): that token alone, or all. */
export const TokenRevocation = z.object({ secret: z.optional(Word) });
export type TokenRevocation = z.infer<typeof TokenRevocation>;

/** 200 of `DELETE /v1/tokens`, and of `DELETE /v1/members/NAME`, whose token ends too: how many tokens worked until now. */
export const TokensRevoked = z.object({ revoked: Count });
export type TokensRevoked = z.infer<typeof TokensRevoked>;

/**
 * 503 of a service that does not decide, for all but the admin's reads: ask the next one. Strangers are told no addresses. `leader`:
 * where the one that decides listens (host:port), and `on` which member's machine, as far as that is known.
 */
export const Standby = z.object({
  ...{ reason: z.literal("standby"), message: Text, services: z.array(Word) },
  ...{ leader: z.optional(Word), on: z.optional(z.nullable(Name)) },
});
export type Standby = z.infer<typeof Standby>;

/** 200 of `POST /v1/ray-token` (the admin): which token of Ray's counts from now on. */
export const Rotated = z.object({ rayTokenId: Count });
export type Rotated = z.infer<typeof Rotated>;

/** 200 of `POST /v1/promote` (the admin), also where it decided already. `complete`: nothing that the service before kept is lost. */
export const Promoted = z.object({ term: Count, complete: z.boolean() });
export type Promoted = z.infer<typeof Promoted>;

/** Body of `GET /v1/leader`, for everybody. `leader`: which service decides under that term. `copiedAgo`: seconds since a standby copied from the service that decides. */
export const Standing = z.object({
  ...{ decides: z.boolean(), term: Count, leader: Word, service: Word },
  copiedAgo: z.nullable(z.number()),
});
export type Standing = z.infer<typeof Standing>;

/** A member in `GET /v1/members` (any member, the admin). `heardAgo`: seconds; null since this service's start. */
const Member = z.object({
  name: Name,
  address: Word,
  candidate: z.boolean(),
  joinedAt: Text,
  heardAgo: z.nullable(z.number()),
});
export const Members = z.object({
  ...ClusterNews.shape,
  cluster: Joined.shape.cluster,
  members: z.array(Member),
});
export type Members = z.infer<typeof Members>;
