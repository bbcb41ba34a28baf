import type { ClusterEvent } from "../../common/protocol/events-protocol.ts";
import { keptOf, MAX_EVENTS } from "../../common/protocol/kept-events.ts";
import type { Event } from "../event.ts";
import { type Happening, happeningOf } from "./happening.ts";

const MINUTE_MS = 60_000;
/** Strangers choose the names in refusals: they must not push all else out of the history. */
const MAX_REFUSALS_A_MINUTE = 10;
/** A node that is refused asks again every second or two. */
const SAME_REFUSAL_AFTER_MS = 10 * MINUTE_MS;
/** Nodes choose the words of reasons. */
const MAX_REASONS = 50;

interface HistorySettings {
  /** What an earlier run kept, the oldest first. */
  readonly events?: readonly ClusterEvent[];
  /** Keeps one more; `all`: what is kept with it. */
  readonly keep?: (event: ClusterEvent, all: readonly ClusterEvent[]) => void;
  /** Milliseconds since 1970. */
  readonly wallNow?: () => number;
}

/** What happened in the cluster: 500 events (kept-events.ts), and how often each happened in this run. */
export class History {
  readonly #keep: NonNullable<HistorySettings["keep"]>;
  readonly #wallNow: () => number;
  readonly #listeners = new Set<(event: ClusterEvent) => void>();
  readonly #refusals = new Map<string, number>();
  #events: readonly ClusterEvent[];
  #promoted = false;
  /** How often each kind of event was noted, by its reason; "" where it has none. */
  readonly tally = new Map<ClusterEvent["kind"], Map<string, number>>();

  constructor({ events = [], keep = () => {}, wallNow = Date.now }: HistorySettings = {}) {
    this.#events = events;
    this.#keep = keep;
    this.#wallNow = wallNow;
  }

  /** The last `limit` after that id, the oldest first. */
  after(id: number, limit = MAX_EVENTS): readonly ClusterEvent[] {
    return this.#events.filter((event) => event.id > id).slice(-limit);
  }

  /** Called with each new event; the result ends that. */
  listen(listener: (event: ClusterEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Takes from what the service logs what belongs to the history. */
  hear(event: Event): void {
    if (event.type === "promoted") this.#promoted = true;
    const lastLed = this.#events.findLast(({ kind }) => kind === "led");
    const happening = happeningOf(event, lastLed?.kind === "led" ? lastLed : undefined, this.#promoted);
    if (happening === null) return;
    if (happening.kind === "led") this.#promoted = false;
    this.note(happening);
  }

  note(happening: Happening): void {
    const nowMs = this.#wallNow();
    this.#count(happening);
    if (happening.kind === "refused" && !this.#isNews(happening, nowMs)) return;
    // Also after a step back of the wall clock, and in a service that forgot: a reader asks for what came after an id.
    const id = Math.max((this.#events.at(-1)?.id ?? 0) + 1, nowMs);
    const event = { id, at: nowMs, ...happening };
    this.#events = keptOf([...this.#events, event]);
    this.#keep(event, this.#events);
    for (const listener of this.#listeners) listener(event);
  }

  #isNews({ node, reason }: Extract<Happening, { kind: "refused" }>, nowMs: number): boolean {
    for (const [key, atMs] of this.#refusals)
      if (nowMs - atMs >= SAME_REFUSAL_AFTER_MS) this.#refusals.delete(key);
    const key = `${node.toLowerCase()} ${reason}`;
    const lately = [...this.#refusals.values()].filter((atMs) => nowMs - atMs < MINUTE_MS);
    if (this.#refusals.has(key) || lately.length >= MAX_REFUSALS_A_MINUTE) return false;
    this.#refusals.set(key, nowMs);
    return true;
  }

  #count(happening: Happening): void {
    const { kind } = happening;
    const counts = this.tally.get(kind) ?? new Map<string, number>();
    const reason = reasonOf(happening);
    const label = counts.has(reason) || counts.size < MAX_REASONS ? reason : "other";
    this.tally.set(kind, counts.set(label, (counts.get(label) ?? 0) + 1));
  }
}

const reasonOf = (happening: Happening): string => {
  if (happening.kind === "led") return happening.why;
  if (happening.kind === "refused") return `${happening.what} ${happening.reason}`;
  return "reason" in happening ? happening.reason : "";
};
