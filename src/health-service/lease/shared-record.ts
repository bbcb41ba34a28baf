import * as z from "zod/mini";
import * as wire from "../../common/protocol/lease-protocol.ts";
import { attempt } from "../../common/result.ts";
import { type Hold, KeptHold, type LeaseState, SoleHolder } from "./lease-state.ts";

/** The lease as several services keep it: without a time, since each judges those by its own clock. */
const Record = z.object({
  ...{ version: z.literal(1), epoch: wire.Epoch, sole: z.nullable(SoleHolder) },
  last: z.nullable(
    z.extend(KeptHold, { seq: wire.LeaseRequest.shape.seq, released: z.optional(z.boolean()) }),
  ),
});
export type SharedRecord = z.infer<typeof Record>;

/** The record in a text; undefined where it is none of this program. */
export const recordIn = (text: string): SharedRecord | undefined =>
  attempt(() => z.parse(Record, JSON.parse(text)));

/** The text of a state. */
export function textOf({ epoch, sole, last }: LeaseState): string {
  const released = last?.releasedAtMs === undefined ? {} : { released: true };
  const record = { version: 1, epoch, sole, last: last && { ...last, ...released } };
  return JSON.stringify(z.parse(Record, record));
}

const NOTHING = { epoch: 0, sole: null, last: null };

interface Reader {
  /** When this service first saw the record as it is. */
  readonly atMs: number;
  readonly ttlMs: number;
  /** The highest epoch that it knows of. */
  readonly seen: number;
}

/** The state that a record stands for, to the service that reads it. */
export function stateOf(record: SharedRecord | null, { atMs, ttlMs, seen }: Reader): LeaseState {
  const { epoch, sole, last } = record ?? NOTHING;
  const { released = false, ...hold } = last ?? {};
  const renewedAtMs = last?.returning ? atMs - ttlMs : atMs;
  const times = { renewedAtMs, ...(released && { releasedAtMs: atMs }) };
  return {
    ...{ epoch, sole, highestEpochSeen: Math.max(epoch, seen), isShared: true },
    last: last && ({ ...hold, ...times } as Hold),
    // Nobody knows then who may still lead.
    graceUntilMs: last === null ? atMs + ttlMs : atMs,
  };
}
