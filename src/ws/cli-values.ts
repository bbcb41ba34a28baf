import { InvalidArgumentError, Option } from "commander";

/** Digits of the command line. Throws what Commander shows. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError(`expected a whole number, got "${text}".`);
  return Number(text);
}

const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 } as const;

/** A time, or how long ago it was: `1h30m`. Throws what Commander shows. */
export function moment(text: string): Date {
  const parts = [...text.matchAll(/(\d{1,9})([dhms])/g)];
  const ago = parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS],
    0,
  );
  const isSpan = parts.length > 0 && parts.map(([all]) => all).join("") === text;
  const time = isSpan ? Date.now() - ago : /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(time)) return new Date(time);
  throw new InvalidArgumentError(
    `expected a time such as 2026-01-31T12:00:00Z, or 10m for ten minutes ago, got "${text}".`,
  );
}

/** In seconds on the command line, in milliseconds for the commands. */
export const timeoutOption = () =>
  new Option("--timeout <seconds>", "how long the nodes may take to become ALIVE")
    .argParser((text) => wholeNumber(text) * 1000)
    .default(180_000, "180");
