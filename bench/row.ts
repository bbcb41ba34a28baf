/** One line of the benchmark's table. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Against what the line is compared with, measured in the same run; null for the yardstick itself. */
  readonly ratio: number | null;
  /** What the ratio, or where it says so the value itself, should be; null where there is no aim. */
  readonly aim: Aim | null;
}

/** A ratio holds on every machine; a value only where the machine is not busy with other things. */
export type Aim =
  | { readonly ratio: "at least" | "at most"; readonly than: number }
  | { readonly value: "at most"; readonly than: number };

/** True when the row has no aim or reaches it. */
export function reaches({ value, ratio, aim }: Row): boolean {
  if (aim === null) return true;
  if ("value" in aim) return value <= aim.than;
  if (ratio === null) return true;
  return aim.ratio === "at least" ? ratio >= aim.than : ratio <= aim.than;
}

/** A line that only tells. */
export const plainRow = (name: string, value: number, unit: string, ratio: number | null = null): Row => ({
  name,
  value,
  unit,
  ratio,
  aim: null,
});

/** The middle one; for an even count the upper of the two. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
