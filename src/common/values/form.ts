import { err, ok, type Result } from "../result.ts";

/** One kind of value, as people write it in variables and files. */
export interface Form<T> {
  /** Completes the sentence "expected …". */
  readonly expected: string;
  /** Takes a text without blanks around it; otherwise the sentence that says what was expected and got. */
  readonly parse: (text: string) => Result<T, string>;
}

/** A form whose `read` returns undefined for what is no such value. */
export const form = <T>(expected: string, read: (text: string) => T | undefined): Form<T> => ({
  expected,
  parse: (text) => {
    const value = read(text);
    return value === undefined ? refuse(expected, text) : ok(value);
  },
});

/** The text itself where it has that shape. */
export const matching = (expected: string, shape: RegExp): Form<string> =>
  form(expected, (text) => (shape.test(text) ? text : undefined));

/** The sentence about a wrong text; a number needs no quotes. */
export const refuse = (expected: string, text: string): Result<never, string> =>
  err(`expected ${expected}, got ${/^\d+(?:\.\d+)?$/.test(text) ? text : `"${text}"`}`);
