/** 1500 → 1.5 s */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** 8589934592 → 8.0 GiB */
export const gib = (bytes = 0, digits = 1): string => `${(bytes / 2 ** 30).toFixed(digits)} GiB`;

/** The beginning of an id, as people tell ids apart. */
export const short = (id: string): string => id.slice(0, 8);

/** `2 d 4 h`, `3 h 5 min`, `4 min 10 s`, `12 s`. Pure. */
export function span(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const parts = [
    [Math.floor(s / 86_400), "d"],
    [Math.floor(s / 3600) % 24, "h"],
    [Math.floor(s / 60) % 60, "min"],
    [s % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map((part) => part.join(" "))
    .join(" ");
}
