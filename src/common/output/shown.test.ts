import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { outsideText } from "../../../test/fixtures/outside.ts";
import { hidden, shown, shownSentence, visible } from "./shown.ts";

test("B7 of a hidden value only the length is shown", () => {
  expect([hidden("s3cr3t"), hidden("x"), hidden("")]).toEqual([
    "(6 characters)",
    "(1 character)",
    "(0 characters)",
  ]);
});

describe("B7 a shown value has no user, password, query or line break in it", () => {
  test.each([
    ["rediss://u:s3cr3t@h:6379", "rediss://…@h:6379"],
    ["redis://:p@ssw0rd@h", "redis://…@h"],
    ["redis://u:a/b@h", "redis://…@h"],
    ["http://t0ken@h/", "http://…@h/"],
    ["u:s3cr3t@h:6379", "…@h:6379"],
    ["http://h:8080/?token=s3cr3t", "http://h:8080/?…"],
    ["a\nMode: head\u001b[2J", "a\\u000aMode: head\\u001b[2J"],
    ["http://health:8080", "http://health:8080"],
    ["ray-cpu ray-gpu:6380", "ray-cpu ray-gpu:6380"],
  ])("%j", (text, expected) => expect(shown(text)).toBe(expected));

  test.each([
    ['expected host:port, got "redis://u:s3@cr3t@h:1"', 'expected host:port, got "redis://…@h:1"'],
    ['expected host:port, got "u:s3cr3t@h" without a port', 'expected host:port, got "…@h" without a port'],
    ['expected a URL, got "http://h/?t=s3cr3t"', 'expected a URL, got "http://h/?…"'],
    ['expected a port from 1 to 65535, got "63x9"', 'expected a port from 1 to 65535, got "63x9"'],
  ])("%j", (sentence, expected) => expect(shownSentence(sentence)).toBe(expected));
});

test.each([
  ["2.60.0", "2.60.0"],
  ["✓ größer → 見る", "✓ größer → 見る"],
  ["a\nb", "a\\u000ab"],
  ["\u001b[31m", "\\u001b[31m"],
  ["\u{e0041}", "\\udb40\\udc41"],
])("%j", (text, seen) => {
  expect(visible(text)).toBe(seen);
});

test("B9 no invisible character is left, and JSON text stays the same JSON", () => {
  fc.assert(
    fc.property(outsideText, (text) => {
      expect(visible(text)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      expect(JSON.parse(visible(JSON.stringify({ text })))).toEqual({ text });
    }),
  );
});
