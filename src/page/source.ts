import type { ClusterEvent } from "../common/protocol/events-protocol.ts";
import { keptOf } from "../common/protocol/kept-events.ts";
import type { ClusterView } from "../common/protocol/report-protocol.ts";
import type { Link, Picture } from "./picture.ts";

const TIMEOUT_MS = 3000;
/** The stream sends only what changes: after that long a silence the page asks whether the service is still there. */
const QUIET_MS = 4000;
/** A stream says every 15 s that it is alive: after that long a silence it is dead, though the service lives. */
const DEAF_MS = 40_000;
/** The view of 1,000 nodes is 1 MB. */
const READ_MS = 10_000;
const RETRY_MS = 1000;
/** So often the page is drawn at most. */
const DRAW_MS = 100;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Keeps the picture of the cluster, and finds the service again by itself. */
export class Source {
  readonly #publish: (picture: Picture) => void;
  #picture: Picture = { link: { kind: "opening" }, atMs: 0, events: [], aheadMs: 0 };
  #heardMs = Date.now();
  #drawing: number | undefined;
  #drawnMs = 0;
  #retry = () => {};

  constructor(publish: (picture: Picture) => void) {
    this.#publish = publish;
  }

  /** Goes on as long as the page is open. */
  async run(): Promise<never> {
    for (let link: Link = { kind: "live" }; ; ) {
      // Browsers have six connections to a host at most: pages that nobody sees give theirs back.
      await seen();
      if (link.kind === "live") await this.#follow();
      link = await this.#ask();
      this.#set({ link });
      await Promise.race([pause(RETRY_MS), new Promise<void>((resolve) => (this.#retry = resolve))]);
    }
  }

  /** Asks again at once. */
  retry(): void {
    this.#retry();
  }

  /** A short question, which tells a service that is gone from one that wants a token, and what its clock says. */
  async #ask(): Promise<Link> {
    try {
      const answer = await fetch("/v1/head", { signal: AbortSignal.timeout(TIMEOUT_MS) });
      const body = await answer.json();
      if (answer.status === 401) return { kind: "asks", why: String(body.error ?? "") };
      if (!answer.ok) return this.#gone(String(body.message ?? body.error ?? answer.status));
      const dateMs = Date.parse(answer.headers.get("date") ?? "");
      this.#heardMs = Date.now();
      // To a second; less is the way of the answer.
      const aheadMs = dateMs - this.#heardMs;
      this.#picture = { ...this.#picture, aheadMs: Math.abs(aheadMs) >= 2000 ? aheadMs : 0 };
      return { kind: "live" };
    } catch {
      return this.#gone("no answer");
    }
  }

  #gone(why: string): Link {
    const { link } = this.#picture;
    return { kind: "gone", sinceMs: link.kind === "gone" ? link.sinceMs : this.#heardMs, why };
  }

  /** Reads the stream until it ends, the service is gone, or nobody looks. */
  async #follow(): Promise<void> {
    // The service sends its whole history first, since another one may have taken its place.
    const stream = new EventSource("/v1/stream?after=0");
    let events: readonly ClusterEvent[] = [];
    let heard = false;
    let saidMs = Date.now();
    const hear = (change: Partial<Picture>) => {
      // For its clock.
      if (!heard) void this.#ask();
      heard = true;
      saidMs = Date.now();
      this.#heardMs = saidMs;
      this.#set({ link: { kind: "live" }, ...change });
    };
    stream.addEventListener("alive", () => hear({}));
    stream.addEventListener("cluster", ({ data }) => {
      const view: ClusterView = JSON.parse(data);
      hear({ view, atMs: Date.now() });
    });
    stream.addEventListener("event", ({ data }) => {
      events = keptOf([...events, JSON.parse(data)]);
      hear({ events });
    });
    const ended = new Promise<void>((resolve) => stream.addEventListener("error", () => resolve()));
    const isDead = () => Date.now() - saidMs > (heard ? DEAF_MS : QUIET_MS);
    while (stream.readyState !== EventSource.CLOSED && !isDead() && !document.hidden) {
      // Closed here, since the browser would open it again by itself.
      await Promise.race([pause(RETRY_MS), ended.then(() => stream.close())]);
      if (Date.now() - this.#heardMs > QUIET_MS && (await this.#ask()).kind !== "live") break;
    }
    stream.close();
    if (!heard) await this.#read();
  }

  /** Where the service has no stream left, or a proxy lets none through: once, and again at the next try. */
  async #read(): Promise<void> {
    try {
      const [view, { events }] = await Promise.all(
        ["/v1/cluster", "/v1/events"].map(async (path) =>
          (await fetch(path, { signal: AbortSignal.timeout(READ_MS) })).json(),
        ),
      );
      if (view.nodes === undefined) return;
      this.#set({ view, events, atMs: Date.now() });
    } catch {
      // The next look says that the service is gone.
    }
  }

  /** The first is drawn at once; much may come then. */
  #set(change: Partial<Picture>): void {
    this.#picture = { ...this.#picture, ...change };
    const restMs = this.#picture.view && this.#drawnMs ? this.#drawnMs + DRAW_MS - Date.now() : 0;
    this.#drawing ??= window.setTimeout(
      () => {
        this.#drawing = undefined;
        if (this.#picture.view) this.#drawnMs = Date.now();
        this.#publish(this.#picture);
      },
      Math.max(0, restMs),
    );
  }
}

const seen = (): Promise<void> =>
  document.hidden
    ? new Promise((resolve) => document.addEventListener("visibilitychange", () => resolve(), { once: true }))
    : Promise.resolve();

/** Shows a token, or the code of `ws open`, to the service. Returns why it is not taken; undefined: it is. */
export async function beginSession(token: string): Promise<string | undefined> {
  try {
    const answer = await fetch("/v1/session", {
      ...{ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token }) },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return answer.ok ? undefined : String((await answer.json()).error ?? answer.status);
  } catch {
    return "the service does not answer";
  }
}
