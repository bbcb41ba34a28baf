/** What stands in every output in the place of a value that may be a secret. */
export const hidden = (text: string): string =>
  `(${text.length} ${text.length === 1 ? "character" : "characters"})`;

/**
 * A value that is shown, without the user, password and query that a person may have put into it, and on one line.
 * A password may hold any sign, so all before the last "@" goes.
 */
export function shown(text: string): string {
  return onOneLine(text.replace(/^([a-z][\w+.-]*:\/\/)?.*@/is, "$1…@").replace(/\?.*$/s, "?…"));
}

/** The same for a sentence that ends with what was got. */
export function shownSentence(sentence: string): string {
  return onOneLine(
    sentence
      .replace(/\bgot (?:"?([a-z][\w+.-]*:\/\/))?.*@/is, 'got "$1…@')
      .replace(/(\bgot [^?]*\?).*$/s, '$1…"'),
  );
}

/** Control characters as an escape that can be read: a line break would forge a line of the log. */
function onOneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
