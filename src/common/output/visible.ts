/**
 * Characters that are invisible or change how others are shown: control characters, escape codes, text direction
 * marks, line ends.
 */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * `text` on one line with such characters escaped, so that foreign text cannot forge a log line or control a
 * terminal. JSON text stays the same JSON.
 */
export const visible = (text: string): string => text.replace(INVISIBLE, escapeUnits);

function escapeUnits(character: string): string {
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}
