/** Control characters, escape codes, marks of text direction, line ends. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** `text` with these escaped: foreign text cannot forge a log line or control a terminal, and JSON stays the same JSON. */
export const visible = (text: string): string =>
  text.replace(INVISIBLE, (character) =>
    // Its units of UTF-16, one or two.
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );

/** At most `most` units of UTF-16, and no half character at the end. */
export const cut = (text: string, most: number): string =>
  text.slice(0, most).replace(/[\ud800-\udbff]$/, "");

/** What is shown in place of a value that may be a secret. */
export const hidden = (text: string): string =>
  `(${text.length} ${text.length === 1 ? "character" : "characters"})`;

/** What was given as the path of a secret's file. Where it is no path from the root it may be the secret itself. */
export const shownPath = (text: string): string => (text.startsWith("/") ? shown(text) : hidden(text));

/** A value on one line without user, password and query. A password may have an "@", so all before the last one goes. */
export const shown = (text: string): string =>
  visible(text.replace(/^([a-z][\w+.-]*:\/\/)?.*@/is, "$1…@").replace(/\?.*$/s, "?…"));

/** The same for a message that ends with "got …". */
export const shownSentence = (sentence: string): string =>
  visible(
    sentence
      .replace(/\bgot (?:"?([a-z][\w+.-]*:\/\/))?.*@/is, 'got "$1…@')
      .replace(/(\bgot [^?]*\?).*$/s, '$1…"'),
  );
