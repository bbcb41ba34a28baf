import type { ClusterEvent } from "../common/protocol/events-protocol.ts";
import type { Moment } from "./picture.ts";

/** One node's time as HEAD. Milliseconds since 1970; `toMs` undefined: it leads. */
export interface Reign {
  readonly epoch: number;
  readonly node: string;
  readonly fromMs: number;
  readonly toMs: number | undefined;
  readonly why: string;
  /** For how long nobody led before it; undefined: nobody knows. */
  readonly headlessS: number | undefined;
}

type Led = Extract<ClusterEvent, { kind: "led" }>;

const WHY: Readonly<Record<Led["why"], (led: Led) => string>> = {
  first: () => "first start",
  takeover: ({ before }) => (before === null ? "takeover" : `takeover after ${before}`),
  returned: () => "came back",
  promoted: () => "promoted",
  recognised: () => "recognised",
};

/** Who led when, the earliest first. Pure. */
export function reignsOf({ view, events, atMs }: Moment): Reign[] {
  const led = events.filter((event) => event.kind === "led");
  return led.map((event, i) => {
    const next = led[i + 1];
    const back = events.find((each) => each.kind === "gave-back" && each.epoch === event.epoch);
    const { epoch, node, at, headlessS, why } = event;
    const ends =
      next === undefined ? endOf(view.holder, epoch, atMs) : next.at - (next.headlessS ?? 0) * 1000;
    return {
      ...{ epoch, node, fromMs: at, why: WHY[why](event), headlessS: headlessS ?? undefined },
      toMs: back?.at ?? (ends === undefined ? undefined : Math.max(at, ends)),
    };
  });
}

function endOf(holder: Moment["view"]["holder"], epoch: number, atMs: number): number | undefined {
  if (holder === null || holder.epoch !== epoch) return atMs;
  return holder.expiresIn > 0 ? undefined : atMs - (holder.endedFor ?? 0) * 1000;
}
