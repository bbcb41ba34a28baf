import { visible } from "./visible.ts";

/** What stands in every output in the place of a value that may be a secret. */
export const hidden = (text: string): string =>
  `(${text.length} ${text.length === 1 ? "character" : "characters"})`;

/**
 * A value that is shown, without the user, password and query that a person may have put into it, and on one line.
 * A password may hold any sign, so all before the last "@" goes.
 */
export function shown(text: string): string {
  return visible(text.replace(/^([a-z][\w+.-]*:\/\/)?.*@/is, "$1…@").replace(/\?.*$/s, "?…"));
}

/** The same for a sentence that ends with what was got. */
export function shownSentence(sentence: string): string {
  return visible(
    sentence
      .replace(/\bgot (?:"?([a-z][\w+.-]*:\/\/))?.*@/is, 'got "$1…@')
      .replace(/(\bgot [^?]*\?).*$/s, '$1…"'),
  );
}
