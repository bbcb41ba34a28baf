/** What is not seen, or moves what is: control characters, escape codes, marks of the direction of writing, ends of lines. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * `text` as one line that shows all that is in it: what comes from outside cannot forge a line of a log, nor steer a
 * terminal. What stands in a JSON text after it is still that JSON.
 */
export const visible = (text: string): string => text.replace(INVISIBLE, escapeUnits);

function escapeUnits(character: string): string {
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}
