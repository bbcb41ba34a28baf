import type { ServerResponse } from "node:http";
import { monotonicMs } from "../../common/deadline.ts";
import { type ClusterEvent, STREAM_EVENTS } from "../../common/protocol/events-protocol.ts";
import type { Identity } from "../cluster/callers.ts";
import type { Service } from "../service.ts";
import type { Reply } from "./reply.ts";

const MAX_STREAMS = 50;
const MIN_REST_MS = 500;
/** For all readers together: nodes must not wait for pages. With 1,000 nodes the view is 1 MB. */
const MAX_BYTES_A_MS = 20_000;
/** Proxies end a connection on which nothing comes for a minute or so, and a page notices one that is dead. */
const ALIVE_MS = 15_000;
const LOOK_EVERY_MS = 1000;
/** So long a reader may leave unread what was sent. */
const UNREAD_MS = 10_000;

const HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  // nginx's word for: do not collect.
  "x-accel-buffering": "no",
};

interface Reader {
  readonly response: ServerResponse;
  readonly caller: Identity;
  readonly mayRead: () => boolean;
  /** It has not had the present view. */
  isBehind: boolean;
  /** Since when it leaves unread what was sent. */
  unreadSinceMs: number | undefined;
}

/** Those who read `GET /v1/stream`. The view is made once for all of them, and waits for nobody. */
export class Streams {
  readonly #service: Service;
  readonly #cluster: () => Promise<Buffer>;
  readonly #readers = new Set<Reader>();
  #looking: NodeJS.Timeout | undefined;
  #aliveAtMs = 0;
  #sending = false;
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  /** `cluster`: the body of `GET /v1/cluster`. */
  constructor(service: Service, cluster: () => Promise<Buffer>) {
    this.#service = service;
    this.#cluster = cluster;
    service.onChange(() => this.#change());
    service.history.listen((event) => {
      // A machine may have joined in the place of another one.
      if (event.kind === "removed" || event.kind === "joined") this.#cut(({ mayRead }) => !mayRead());
      for (const { response } of this.#readers) response.write(frameOf(event));
    });
  }

  /** The reply to one more reader; undefined where there are enough. `after`: the id of the last event that it knows; `mayRead`: asked every second, and when a membership may have ended. */
  open(after: number, caller: Identity, mayRead: () => boolean): Reply | undefined {
    if (this.#readers.size >= MAX_STREAMS) return undefined;
    return {
      status: 200,
      headers: HEADERS,
      body: "",
      stream: (response) =>
        this.#begin({ response, caller, mayRead, isBehind: true, unreadSinceMs: undefined }, after),
    };
  }

  #begin(reader: Reader, after: number): void {
    const { response } = reader;
    this.#readers.add(reader);
    // Its own clock is kept here.
    response.socket?.setTimeout(0);
    response.on("close", () => this.#end(reader));
    // What is written to one that went away.
    response.on("error", () => {});
    response.on("drain", () => reader.isBehind && void this.#send());
    this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
    response.write(`: ${this.#service.settings.instance}\n\n`);
    for (const event of this.#service.history.after(after)) response.write(frameOf(event));
    void this.#send();
  }

  #end(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #change(): void {
    for (const reader of this.#readers) reader.isBehind = true;
    void this.#send();
  }

  /** Sends the view to those that are behind and have read what was sent, now or when the rest after the last one is over. */
  async #send(): Promise<void> {
    if (this.#sending || this.#readers.size === 0) return;
    this.#sending = true;
    const restMs = this.#restsUntilMs - monotonicMs();
    if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs).unref());
    const waiting = [...this.#readers].filter(canTake);
    for (const reader of waiting) reader.isBehind = false;
    const frame = Buffer.concat([CLUSTER_HEAD, await this.#cluster(), Buffer.from("\n")]);
    for (const { response } of waiting) response.write(frame);
    this.#restsUntilMs =
      monotonicMs() + Math.max(MIN_REST_MS, (frame.length * waiting.length) / MAX_BYTES_A_MS);
    this.#sending = false;
    // What changed meanwhile is told next.
    if ([...this.#readers].some(canTake)) void this.#send();
  }

  /** Cuts those who do not read, or may not any more, and says to all others that the stream lives. */
  #look(): void {
    const nowMs = monotonicMs();
    for (const reader of this.#readers)
      reader.unreadSinceMs = reader.response.writableNeedDrain ? (reader.unreadSinceMs ?? nowMs) : undefined;
    this.#cut(({ unreadSinceMs }) => unreadSinceMs !== undefined && nowMs - unreadSinceMs >= UNREAD_MS);
    this.#cut(({ mayRead }) => !mayRead());
    if (this.#service.settings.cluster?.decides === false) this.#cut(({ caller }) => caller.kind !== "admin");
    if (nowMs - this.#aliveAtMs < ALIVE_MS) return;
    this.#aliveAtMs = nowMs;
    for (const { response } of this.#readers) response.write(ALIVE);
  }

  #cut(which: (reader: Reader) => boolean): void {
    for (const reader of [...this.#readers].filter(which)) reader.response.destroy();
  }
}

const canTake = ({ isBehind, response }: Reader): boolean => isBehind && !response.writableNeedDrain;

const CLUSTER_HEAD = Buffer.from(`event: ${STREAM_EVENTS.cluster}\ndata: `);
const ALIVE = `event: ${STREAM_EVENTS.alive}\ndata: 1\n\n`;
const frameOf = (event: ClusterEvent): string =>
  `id: ${event.id}\nevent: ${STREAM_EVENTS.event}\ndata: ${JSON.stringify(event)}\n\n`;
