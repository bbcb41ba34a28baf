import { expect, test } from "vitest";
import { configOf } from "../../../test/fixtures/config.ts";
import type { Event } from "../output/event.ts";
import { tellOwnNames } from "./own-names.ts";

const CARDS = [
  { name: "lo", address: "127.0.0.1" },
  { name: "eth0", address: "172.18.0.3" },
];

/** What is said by a node of this name, where each name leads to the address that stands there. */
function said(node: string, env: Record<string, string>, names: Record<string, string>): Event[] {
  const events: Event[] = [];
  tellOwnNames(
    configOf(node, env),
    CARDS,
    (event) => events.push(event),
    (name, done) => {
      const at = names[name];
      done(at === undefined ? new Error("ENOTFOUND") : null, at ?? "");
    },
  );
  return events;
}

const OWN = { type: "own-name", node: "4f2a", host: "ray-head", at: "172.18.0.3", card: "eth0" };

test.each([
  ["a whitelist entry that is this machine", { HEAD_WHITELIST: "ray-head" }, "172.18.0.3", [OWN]],
  ["HEAD_ADDRESS that is this machine", { HEAD_ADDRESS: "ray-head:6379" }, "172.18.0.3", [OWN]],
  ["another machine", { HEAD_WHITELIST: "ray-head" }, "172.18.0.4", []],
  ["a name that does not resolve", { HEAD_WHITELIST: "ray-other" }, "172.18.0.3", []],
  ["the loopback, at which every machine is", { HEAD_WHITELIST: "ray-head" }, "127.0.0.1", []],
  ["another port of this machine", { HEAD_WHITELIST: "ray-head:7000" }, "172.18.0.3", []],
])("%s", (_, env, at, expected) => {
  expect(said("4f2a", env, { "ray-head": at })).toEqual(expected);
});

test("its own entry is nothing to tell", () => {
  expect(said("ray-head", { HEAD_WHITELIST: "ray-head" }, { "ray-head": "172.18.0.3" })).toEqual([]);
});
