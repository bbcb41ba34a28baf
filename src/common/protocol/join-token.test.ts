import { expect, test } from "vitest";
import { formatJoinToken, parseJoinToken } from "./join-token.ts";

const TOKEN = {
  services: ["10.77.0.1:8443", "gpu02:8443"],
  pin: "p".repeat(43),
  secret: "s-e_c".repeat(6),
  expiresAt: 1_900_000_000,
};
const WORD = formatJoinToken(TOKEN);

test("a token says what it was made of, also with blanks and a line end around it", () => {
  expect(parseJoinToken(`  ${WORD}\r\n`)).toEqual({ ok: true, value: TOKEN });
});

test("a word of which one character is another one, or missing, is damaged, and nothing of it is shown", () => {
  // The last character of base64 has bits that mean nothing.
  for (let i = 0; i < WORD.length - 1; i++)
    for (const there of ["", WORD[i] === "A" ? "B" : "A"]) {
      const parsed = parseJoinToken(WORD.slice(0, i) + there + WORD.slice(i + 1));
      expect(parsed.ok ? `${i} ${there}` : parsed.error).toMatch(
        /^expected a (?:whole join token|word that)/,
      );
    }
  expect(parseJoinToken(WORD.slice(0, 40))).toMatchObject({ ok: false });
});
