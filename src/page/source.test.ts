import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Picture } from "./picture.ts";
import { Source } from "./source.ts";

/** A stream of which nobody hears that its connection is gone. */
class Stream extends EventTarget {
  static readonly CLOSED = 2;
  static readonly opened: Stream[] = [];
  readyState = 1;
  constructor(readonly url: string) {
    super();
    Stream.opened.push(this);
  }
  close() {
    this.readyState = Stream.CLOSED;
  }
  say(type: string, data: object | number) {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  }
}

const view = (epoch: number) => ({ epoch, nodes: [] });
let shown: Picture | undefined;
beforeEach(() => {
  vi.useFakeTimers();
  Stream.opened.length = 0;
  vi.stubGlobal("EventSource", Stream);
  vi.stubGlobal("document", { hidden: false });
  vi.stubGlobal("window", { setTimeout });
  // The service lives.
  const answers = { "/v1/head": view(1), "/v1/cluster": view(7), "/v1/events": { events: [] } };
  vi.stubGlobal("fetch", async (path: keyof typeof answers) => Response.json(answers[path]));
  void new Source((picture) => (shown = picture)).run();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a stream that has died without a word is opened anew, and one that says that it is alive is not", async () => {
  Stream.opened[0]?.say("cluster", view(1));
  for (let i = 0; i < 10; i++) {
    await vi.advanceTimersByTimeAsync(15_000);
    Stream.opened[0]?.say("alive", 1);
  }
  expect(Stream.opened).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(45_000);
  expect(Stream.opened).toHaveLength(2);
  Stream.opened[1]?.say("cluster", view(2));
  await vi.advanceTimersByTimeAsync(1000);
  expect([Stream.opened[0]?.readyState, shown]).toMatchObject([
    2,
    { link: { kind: "live" }, view: { epoch: 2 } },
  ]);
});

test("where nothing of the stream comes through, the cluster is shown all the same", async () => {
  await vi.advanceTimersByTimeAsync(10_000);
  expect(shown).toMatchObject({ link: { kind: "live" }, view: { epoch: 7 } });
});
