import { hidden } from "./output/shown.ts";
import { err, ok, type Result } from "./result.ts";

/** One kind of value, as people write it in variables and files. */
export interface Form<T> {
  /** Completes the sentence "expected …". */
  readonly expected: string;
  /** Takes a text without blanks around it; otherwise the sentence that says what was expected and got. */
  readonly parse: (text: string) => Result<T, string>;
}

/** `read` returns undefined for what is no such value. */
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
  err(`expected ${expected}, got ${Number.isNaN(numberIn(text)) ? `"${text}"` : text}`);

/** NaN where the text is no number in plain digits. */
export const numberIn = (text: string): number => (/^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN);

const MAX_TIME_S = 7 * 24 * 3600;
/** Seconds in the text, milliseconds in the value. */
const secondsFrom = (minMs: number, expected: string): Form<number> => ({
  expected,
  parse: (text) => {
    const ms = Math.round(numberIn(text) * 1000);
    if (ms > MAX_TIME_S * 1000) return refuse(`at most ${MAX_TIME_S} seconds`, text);
    return ms >= minMs ? ok(ms) : refuse(expected, text);
  },
});
export const seconds = secondsFrom(0, "seconds, 0 or more (decimals allowed)");
export const positiveSeconds = secondsFrom(1, "seconds above 0 (decimals allowed)");

export const wholeNumber = (min: number, max: number, what = "a whole number"): Form<number> =>
  form(`${what} from ${min} to ${max}`, (text) => {
    const number = numberIn(text);
    return !text.includes(".") && number >= min && number <= max ? number : undefined;
  });

const COUNT = wholeNumber(0, 1_000_000);
/** Whole CPUs, also in thousandths as in Kubernetes (`4000m`). */
export const cpus: Form<number> = {
  ...COUNT,
  parse: (text) => COUNT.parse(text.replace(/^(\d+)000m$/, "$1")),
};

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** As Docker and Kubernetes write them: `8589934592`, `8g`, `8Gi`, `8GiB`, `8192m`; all units are powers of two, as in Docker. */
export const bytes = form("bytes, such as 8589934592, 8g or 8Gi", (text) => {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])i?)?b?$/i.exec(text) ?? [];
  const value = Math.round(Number(number) * (UNITS[unit.toLowerCase()] ?? 1));
  return value > 0 && Number.isSafeInteger(value) ? value : undefined;
});

export const onOff = form("true or false", (text) => {
  if (/^(?:1|true|yes|on)$/i.test(text)) return true;
  return /^(?:0|false|no|off)$/i.test(text) ? false : undefined;
});

export const oneOf = <const T extends string>(...choices: readonly T[]): Form<T> =>
  form(choices.join(" or "), (text) => choices.find((each) => each === text));

export const path = matching("a path from the root, such as /opt/ray/bin", /^\//);
export const image = matching("the name of an image, such as rayproject/ray:2.60.0", /^\S{1,255}$/);
export const words = matching("letters, digits, '.', '_' and '-'", /^[\w.-]{1,253}$/);
export const user = matching("the name of a user, a uid or uid:gid", /^[\w.+-]{1,253}\$?$|^\d+:\d+$/);

/** The path of a file that holds a secret. The text is not shown, because it may be the secret itself by mistake. */
export const secretFile: Form<string> = {
  expected: "the absolute path of a file",
  parse: (text) =>
    text.startsWith("/") ? ok(text) : err(`expected ${secretFile.expected}, got ${hidden(text)}`),
};

/** What can stand in a header; its text is never shown, not even when it is wrong. */
const secretUpTo = (max: number, expected: string): Form<string> => ({
  expected,
  parse: (text) =>
    text.length <= max && /^[\x21-\x7e]+$/.test(text) ? ok(text) : err(`expected ${expected}, got others`),
});
export const secret = secretUpTo(512, "up to 512 printable characters without spaces");
/** As long as a join token with many services may be. */
export const longSecret = secretUpTo(2048, "one word of printable characters");
