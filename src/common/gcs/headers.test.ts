import fc from "fast-check";
import { expect, test } from "vitest";
import { Headers as Ours } from "./headers.ts";

const Platform = globalThis.Headers;

const name = fc.constantFrom("content-type", "Grpc-Status", "GRPC-STATUS", "x-A", "a");
const value = fc.constantFrom("0", " application/grpc ", "Bearer abc", "");
const step = fc.tuple(fc.constantFrom("set", "append", "delete"), name, value);

test("it answers as the platform's own for all that the gRPC library asks of it", () => {
  const same = fc.property(fc.array(fc.tuple(name, value)), fc.array(step), (init, steps) => {
    const [ours, theirs] = [new Ours(init), new Platform(init)];
    for (const [what, key, text] of steps)
      for (const each of [ours, theirs])
        if (what === "delete") each.delete(key);
        else if (what === "set") each.set(key, text);
        else each.append(key, text);
    expect([...ours]).toEqual([...theirs]);
    expect([...ours.entries()]).toEqual([...theirs.entries()]);
    const seen: string[] = [];
    ours.forEach((text, key) => {
      seen.push(`${key}: ${text}`);
      expect([ours.get(key.toUpperCase()), ours.has(key)]).toEqual([theirs.get(key), true]);
    });
    expect(seen).toEqual([...theirs].map(([key, text]) => `${key}: ${text}`));
    expect([...new Ours(ours)]).toEqual([...new Platform(theirs)]);
  });
  fc.assert(same);
});

test("a record does for a beginning, and what is not there is null", () => {
  expect([...new Ours({ B: "2", a: "1" })]).toEqual([...new Platform({ B: "2", a: "1" })]);
  expect([new Ours().get("a"), new Ours().has("a")]).toEqual([null, false]);
});
