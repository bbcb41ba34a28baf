import fc from "fast-check";
import { expect, test } from "vitest";
import { outsideText } from "../../../test/fixtures/outside.ts";
import { visible } from "./visible.ts";

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
