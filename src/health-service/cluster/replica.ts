import * as z from "zod/mini";
import { parseAddress } from "../../common/address.ts";
import { Standing } from "../../common/protocol/admin-protocol.ts";
import { Host, Word } from "../../common/protocol/from-outside.ts";
import { Epoch } from "../../common/protocol/lease-protocol.ts";
import { attempt } from "../../common/result.ts";
import { KeptHold, type Memory, SoleHolder } from "../lease/lease-state.ts";
import { ClusterState } from "./cluster-state.ts";

/** Body of `GET /v1/replica`: all that another service needs to take over, secrets too. */
const Replica = z.object({
  state: ClusterState,
  lease: z.object({
    ...{ epoch: Epoch, highestEpochSeen: Epoch, hold: z.nullable(KeptHold) },
    sole: z.optional(z.nullable(SoleHolder)),
  }),
});
export type Replica = z.infer<typeof Replica>;

/** Where it is asked for: by a service at this address, of this term. */
export const replicaPath = (service: string, term: number): string =>
  `/v1/replica?service=${encodeURIComponent(service)}&term=${term}`;

const Asked = z.object({
  service: Word.check(z.refine((text) => parseAddress(text).ok, { error: "expected host:port" })),
  term: z.string().check(z.regex(/^\d{1,15}$/)),
});

/** Who asks for it, by that path; undefined where it does not say. All members are told of the service, so it must be an address. */
export function parseReplicaPath(path: string) {
  const query = Object.fromEntries(new URLSearchParams(path.split("?")[1]));
  const asked = attempt(() => z.parse(Asked, query));
  return asked && { service: asked.service, term: Number(asked.term) };
}

export const parseReplica = (body: string): Replica | undefined =>
  attempt(() => z.parse(Replica, JSON.parse(body)));

export const parseStanding = (body: string): Standing | undefined =>
  attempt(() => z.parse(Standing, JSON.parse(body)));

/** Of two services that decide, one has to give way. */
export const outranks = (a: Standing, b: Standing): boolean =>
  a.term > b.term || (a.term === b.term && a.service > b.service);

/** Each takeover adds one or two. */
const MAX_TERMS_AHEAD = 1000;

/** A term far above one's own was made up: no service could take over any more once the numbers end. */
export const isCredible = (term: number, own: number): boolean => term <= own + MAX_TERMS_AHEAD;

/** What the membership of this machine's node says to its service: by it, it asks the others. */
const OwnMembership = z.object({ member: Host, credential: Word, ca: z.string(), services: z.array(Word) });
export type OwnMembership = z.infer<typeof OwnMembership>;

export const parseMembership = (text: string | null): OwnMembership | undefined =>
  attempt(() => z.parse(OwnMembership, JSON.parse(text ?? "")));

/** A service that decided until a moment ago may have granted epochs that were not copied. */
const EPOCHS_NOT_COPIED = 1000;

/** What the service that takes over remembers: epochs go on above all that the other one may have granted. */
export const aheadOf = (memory: Memory, isComplete: boolean): Memory => ({
  ...memory,
  highestEpochSeen: memory.highestEpochSeen + EPOCHS_NOT_COPIED,
  // Whoever led meanwhile is not known.
  sole: isComplete ? memory.sole : null,
});
