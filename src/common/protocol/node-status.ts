import * as z from "zod/mini";
import { attempt } from "../result.ts";
import { Count, Name, Port, Text, Word } from "./from-outside.ts";

/** Entries of a list: a report must fit into what the health service takes as a body. */
export const MAX_SHOWN = 8;
/** What a Date can have (ECMA-262, 21.4.1.1): ws shows the times of all nodes. */
export const Moment = Count.check(z.maximum(8.64e15));

/** What a member waits for that its health service does not know: that it joins again. */
export const UNKNOWN_MEMBER = "unknown-member";

/**
 * What a node says of itself as data: in its reports to the health service, and in RAY_EP_STATUS_FILE, which outlives the process.
 * Times are milliseconds since 1970. Words of the entrypoint's unions are not enumerated, so that another version may have new ones.
 */
export const NodeStatus = z.object({
  node: Name,
  /** Of the entrypoint. */
  version: Word,
  startedAt: Moment,
  /** The installed version. */
  ray: z.nullable(Word),
  /** Python's major and minor version. */
  python: z.optional(Word),
  /** What its image was built from. */
  image: z.optional(Word),
  /** The names of the whitelist that it was told, or the first of them. */
  whitelist: z.array(Name).check(z.maxLength(MAX_SHOWN)),
  /** Its place there, from 1; null: it is no candidate. */
  place: z.nullable(Count),
  /** The network interface of the address that it advertises, where it is a member of a cluster of several machines. */
  interface: z.optional(Word),
  /** Since when it is in its state. */
  since: z.optional(Moment),
  /** What Ray counts of this node, once it was listed as ALIVE; memory and object store in bytes. */
  alive: z.optional(
    z.object({
      /** What Ray knows it by. */
      address: Word,
      ...{ cpus: z.number(), gpus: z.number(), memory: z.number(), objectStore: z.number() },
      /** Where Ray answers Prometheus. */
      metricsPort: z.optional(Port),
    }),
  ),
  /** What its look at the health service met last. */
  health: z.nullable(z.object({ kind: Word, url: Text })),
  /** Its present or last role, and the rule that gave it. `head`: whom a WORKER follows. */
  decision: z.nullable(z.object({ role: z.enum(["head", "worker"]), rule: Word, head: z.nullable(Word) })),
  /** Why it has no role yet, and since when; `node`: who is waited for. */
  waits: z.nullable(z.object({ kind: Word, node: z.nullable(Name), since: Moment })),
  /** What possible HEADs answered last; empty once it has a role. */
  heads: z.array(z.object({ address: Word, answer: Word })).check(z.maxLength(MAX_SHOWN)),
  /** What the health service met when it dialled back; `at`: what it dialled. */
  reach: z.nullable(z.object({ result: Word, at: Text })),
  /** The same of each port that it was asked to dial. */
  dialled: z.optional(z.array(z.object({ port: Port, result: Word })).check(z.maxLength(MAX_SHOWN))),
  /** The cluster that it serves as HEAD; `same`: the one that it, or what it kept, served before. */
  cluster: z.optional(z.object({ id: Word, same: z.boolean() })),
  /** Of Ray, since this process started. */
  restarts: Count,
  /** What last made it restart Ray, also in an earlier run; `exitCode`: with which that ended. */
  fault: z.nullable(
    z.object({ reason: Word, words: z.optional(Text), at: Moment, exitCode: z.optional(z.int()) }),
  ),
  /** How it ended; null while it lives, and where it was asked to stop. */
  failure: z.nullable(z.object({ reason: Word, words: z.optional(Text), exitCode: z.int() })),
});
export type NodeStatus = z.infer<typeof NodeStatus>;

/** The status in a JSON text; undefined where it holds none. */
export const parseStatus = (text: string): NodeStatus | undefined =>
  attempt(() => NodeStatus.parse(JSON.parse(text)));
