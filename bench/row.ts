/** One line of the benchmark's table. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Against what the line is compared with, measured in the same run; null for the yardstick itself. */
  readonly ratio: number | null;
  /** What the ratio should be; null where there is no aim. */
  readonly aim: Aim | null;
}

export interface Aim {
  readonly ratio: "at least" | "at most";
  readonly than: number;
}

/** True when the row has no aim or reaches it. */
export function reaches({ ratio, aim }: Row): boolean {
  if (aim === null || ratio === null) return true;
  return aim.ratio === "at least" ? ratio >= aim.than : ratio <= aim.than;
}
