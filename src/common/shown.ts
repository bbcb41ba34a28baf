import { visible } from "./visible.ts";

/** The text that is shown in place of a value that may be a secret. */
export const hidden = (text: string): string =>
  `(${text.length} ${text.length === 1 ? "character" : "characters"})`;

/**
 * A value to show on one line, without a user name, password or query that it may contain. A password may contain any
 * character, so everything before the last "@" is removed.
 */
export function shown(text: string): string {
  return visible(text.replace(/^([a-z][\w+.-]*:\/\/)?.*@/is, "$1…@").replace(/\?.*$/s, "?…"));
}

/** The same for a message that ends with "got …". */
export function shownSentence(sentence: string): string {
  return visible(
    sentence
      .replace(/\bgot (?:"?([a-z][\w+.-]*:\/\/))?.*@/is, 'got "$1…@')
      .replace(/(\bgot [^?]*\?).*$/s, '$1…"'),
  );
}
