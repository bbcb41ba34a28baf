import * as z from "zod/mini";
import { parseAddress } from "../../../common/address.ts";
import { Standing } from "../../../common/protocol/admin-protocol.ts";
import { Host, Word } from "../../../common/protocol/from-outside.ts";
import { Epoch } from "../../../common/protocol/lease-protocol.ts";
import { attempt } from "../../../common/result.ts";
import { KeptHold, type Memory, SoleHolder } from "../../lease/lease-state.ts";
import { ClusterState } from "../cluster-state.ts";
import { parseRank, type Rank, rankQuery } from "./rank.ts";

/** Body of `GET /v1/replica`: all that another service needs to take over, secrets too. */
const Replica = z.object({
  state: ClusterState,
  lease: z.object({
    ...{ epoch: Epoch, highestEpochSeen: Epoch, hold: z.nullable(KeptHold) },
    sole: z.optional(z.nullable(SoleHolder)),
  }),
});
export type Replica = z.infer<typeof Replica>;

/** Who asks for a copy: the service that listens there (host:port). It takes over where it is the leader of the rank that it names. */
export interface Asker {
  readonly service: string;
  readonly rank: Rank;
}

export const replicaPath = ({ service, rank }: Asker): string =>
  `/v1/replica?service=${encodeURIComponent(service)}&${rankQuery("rank", rank)}`;

const Service = Word.check(z.refine((text) => parseAddress(text).ok, { error: "expected host:port" }));

/** Who asks for it, by that path; undefined where it does not say. All members are told of the service, so it must be an address. */
export function parseReplicaPath(path: string): Asker | undefined {
  const service = attempt(() => z.parse(Service, new URLSearchParams(path.split("?")[1]).get("service")));
  const rank = parseRank("rank", path);
  return service === undefined || rank === undefined ? undefined : { service, rank };
}

export const parseReplica = (body: string): Replica | undefined =>
  attempt(() => z.parse(Replica, JSON.parse(body)));

export const parseStanding = (body: string): Standing | undefined =>
  attempt(() => z.parse(Standing, JSON.parse(body)));

/** What the membership of this machine's node says to its service: by it, it asks the others. Where the node was when it joined. */
const OwnMembership = z.object({
  ...{ member: Host, credential: Word, ca: z.string(), services: z.array(Word) },
  ...{ address: z.optional(Word), interface: z.optional(Word) },
});
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
