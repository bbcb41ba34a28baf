import type { ClusterEvent } from "../common/protocol/events-protocol.ts";
import type { ClusterView } from "../common/protocol/lease-protocol.ts";
import type { Link, Picture } from "./picture.ts";

const TIMEOUT_MS = 3000;
/** The stream sends only what changes: after that long a silence the page asks whether the service is still there. */
const QUIET_MS = 4000;
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
  #retry = () => {};

  constructor(publish: (picture: Picture) => void) {
    this.#publish = publish;
  }

  /** Goes on as long as the page is open. */
  async run(): Promise<never> {
    for (;;) {
      // Browsers have six connections to a host at most: pages that nobody sees give theirs back.
      await seen();
      const link = await this.#ask();
      this.#set({ link });
      if (link.kind === "live") await this.#follow();
      else await Promise.race([pause(RETRY_MS), new Promise<void>((resolve) => (this.#retry = resolve))]);
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
      this.#picture = { ...this.#picture, aheadMs: Math.abs(aheadMs) < 2000 ? 0 : aheadMs };
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
    const events: ClusterEvent[] = [];
    let heard = false;
    const hear = (change: Partial<Picture>) => {
      heard = true;
      this.#heardMs = Date.now();
      this.#set(change);
    };
    stream.addEventListener("cluster", ({ data }) => {
      const view: ClusterView = JSON.parse(data);
      hear({ view, atMs: Date.now() + this.#picture.aheadMs });
    });
    stream.addEventListener("event", ({ data }) => {
      events.push(JSON.parse(data));
      hear({ events: events.slice(-MAX_EVENTS) });
    });
    let ended = false;
    stream.addEventListener("error", () => {
      ended = true;
    });
    while (!ended && !document.hidden) {
      await pause(RETRY_MS);
      if (Date.now() - this.#heardMs > QUIET_MS && (await this.#ask()).kind !== "live") break;
    }
    stream.close();
    if (!heard) await this.#read();
  }

  /** Where the service has no stream left, or a proxy lets none through: once, and again at the next try. */
  async #read(): Promise<void> {
    try {
      const [view, { events }] = await Promise.all(
        ["/v1/cluster", "/v1/events"].map(async (path) => (await fetch(path)).json()),
      );
      this.#set({ view, events, atMs: Date.now() + this.#picture.aheadMs });
    } catch {
      // The next look says that the service is gone.
    }
  }

  /** Much may come at once. */
  #set(change: Partial<Picture>): void {
    this.#picture = { ...this.#picture, ...change };
    this.#drawing ??= window.setTimeout(() => {
      this.#drawing = undefined;
      this.#publish(this.#picture);
    }, DRAW_MS);
  }
}

const MAX_EVENTS = 500;

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
