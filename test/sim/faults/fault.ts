import type { Happening } from "../coverage.ts";
import type { Network } from "../network.ts";
import type { Place } from "../place.ts";
import type { Prng } from "../prng.ts";
import type { Service } from "../service.ts";
import type { Services } from "../services.ts";

/** What faults act on. */
export interface Target {
  readonly prng: Prng;
  readonly network: Network;
  /** One of them. */
  readonly service: Service;
  readonly services: Services;
  readonly places: readonly Place[];
  /** A second host for the name of one of `places`. */
  readonly twin: Place;
  readonly start: (place: Place) => void;
  /** As `docker stop`. */
  readonly stop: (place: Place) => void;
  readonly note: (what: Happening) => void;
}

/** A fault that lasts for a while; `undo` ends it. */
export interface Fault {
  readonly name: string;
  readonly apply: () => void;
  readonly undo: () => void;
}

export type Make = (target: Target) => Fault;

/** The node that leads at that time, if any. */
export const headOf = ({ places, twin }: Target, otherwise: Place): Place =>
  [...places, twin].find((each) => each.gcs !== null) ?? otherwise;

/** A fault of one node: in half of the cases the HEAD of that time, which is the more interesting victim. */
export function ofOne(
  target: Target,
  what: string,
  apply: (place: Place) => void,
  undo: (place: Place) => void,
): Fault {
  const { prng, places } = target;
  let place = prng.pick(places);
  const ofHead = prng.chance(0.5);
  return {
    name: `${what} ${ofHead ? "the HEAD" : place.host}`,
    apply: () => {
      if (ofHead) place = headOf(target, place);
      apply(place);
    },
    undo: () => undo(place),
  };
}

export function firstOf({ places }: Target): Place {
  const [first] = places;
  if (first === undefined) throw new Error("expected some nodes");
  return first;
}
