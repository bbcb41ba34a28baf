import { expect, test } from "vitest";
import type { Event } from "./event.ts";
import { withoutRepeats } from "./quiet-log.ts";

const refused = (node: string, life: string): Event => ({
  ...{ type: "refused", reason: "held", message: "the head lease is held by gpu" },
  ...{ node, life },
});

function listen() {
  const clock = { nowMs: 0 };
  const said: Event[] = [];
  const log = withoutRepeats(
    (event) => void said.push(event),
    () => clock.nowMs,
  );
  return { clock, said, log };
}

test("a node that is refused under ever new lives is told once a minute", () => {
  const { clock, said, log } = listen();
  for (let i = 0; i < 100; i++) log(refused("cpu", `life-${i}`));
  expect(said.length).toBe(1);
  clock.nowMs = 60_000;
  log(refused("cpu", "another"));
  expect(said.length).toBe(2);
});

test("ever new names are told up to a thousand a minute, and what is news is told all the same", () => {
  const { clock, said, log } = listen();
  for (let i = 0; i < 5000; i++) log(refused(`node-${i}`, "1"));
  expect(said.length).toBe(1000);
  log({ type: "stopping", signal: "SIGTERM" });
  expect(said.length).toBe(1001);
  clock.nowMs = 60_000;
  log(refused("node-9999", "1"));
  expect(said.length).toBe(1002);
});
