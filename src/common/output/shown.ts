import { visible } from "./visible.ts";

/** The text that is shown in place of a value that may be a secret. */
export const hidden = (text: string): string =>
  `(${text.length} ${text.length === 1 ? "character" : "characters"})`;

/** What was given as the path of a secret's file. Where it is no path from the root it may be the secret itself. */
export const shownPath = (text: string): string => (text.startsWith("/") ? shown(text) : hidden(text));

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
