import * as z from "zod/mini";
import { Count, Name, Text, Word } from "./from-outside.ts";
import { Epoch } from "./lease-protocol.ts";
import { Moment } from "./node-status.ts";

/*
 * The history of a cluster as its health service keeps it, and what readers of `GET /v1/events`, `GET /v1/stream` and
 * `GET /v1/nodes/NAME/log` are sent. Words are made by the reader (output/event-words.ts).
 */

/** Why a node leads: the first of this history; after another one; once more; after `ws promote`; the service forgot that it does. */
const LED_WHY = ["first", "takeover", "returned", "promoted", "recognised"] as const;

/** What each kind of event says besides. */
const KINDS = {
  /** It became a member; without members: it was heard for the first time. */
  joined: { address: z.nullable(Word), candidate: z.optional(z.boolean()) },
  /** It may not join, lead, or have its name. */
  refused: { what: z.enum(["join", "lease", "name"]), reason: Word, message: Text },
  /** `headlessS`: for how long nobody led before, where that is known. `before`: who did. */
  led: {
    ...{ epoch: Epoch, why: z.enum(LED_WHY) },
    ...{ before: z.nullable(Name), headlessS: z.nullable(z.number()) },
  },
  /** `returning`: it kept its cluster, and the others wait for it. */
  "gave-back": { epoch: Epoch, returning: z.boolean() },
  /** Ray was restarted for this fault; `new-process`: the entrypoint itself is another one. */
  restarted: { reason: Word, words: z.optional(Text), restarts: Count },
  /** It ended by itself. */
  failed: { reason: Word, words: z.optional(Text), exitCode: z.int() },
  /** It was asked to stop. */
  stopped: {},
  silent: {},
  /** It reports again. */
  back: { silentS: z.number() },
  /** From the members. */
  removed: { by: Word },
} as const;
export type EventKind = keyof typeof KINDS;

/** `id` grows, over restarts of the service too; `at`: by the service's clock. */
const kindOf = <K extends EventKind>(kind: K) =>
  z.object({ id: Count, at: Moment, kind: z.literal(kind), node: Name, ...KINDS[kind] });

export const ClusterEvent = z.discriminatedUnion("kind", [
  kindOf("joined"),
  kindOf("refused"),
  kindOf("led"),
  kindOf("gave-back"),
  kindOf("restarted"),
  kindOf("failed"),
  kindOf("stopped"),
  kindOf("silent"),
  kindOf("back"),
  kindOf("removed"),
]);
export type ClusterEvent = z.infer<typeof ClusterEvent>;

/** 200 of `GET /v1/events?after=ID&limit=N`: the last N after that one, the oldest first. Another version may know more kinds. */
export const ClusterEvents = z.object({
  instance: Name,
  events: z.array(
    z.pipe(
      z.unknown(),
      z.transform((event) => z.safeParse(ClusterEvent, event).data),
    ),
  ),
});
export type ClusterEvents = z.infer<typeof ClusterEvents>;

/**
 * 200 of `GET /v1/nodes/NAME/log`: the last lines that the node's entrypoint wrote, the oldest first, also of an entrypoint before
 * the present one. `first`: the number of the first; the lines that this service was told are numbered from 0.
 */
export const NodeLines = z.object({ node: Name, first: Count, lines: z.array(z.string()) });
export type NodeLines = z.infer<typeof NodeLines>;

/*
 * `GET /v1/stream` (server-sent events): `cluster` with a ClusterView, at once and whenever something in it changes but times that
 * go on by themselves, at most twice a second; `event` with a ClusterEvent and its id, first those after the id that the query
 * `after` or the header Last-Event-ID names; `alive` every 15 s. 503 where too many read it.
 */
export const STREAM_EVENTS = { cluster: "cluster", event: "event", alive: "alive" } as const;
