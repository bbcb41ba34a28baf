/** 1500 → 1.5 s */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** 8589934592 → 8.0 GiB */
export const gib = (bytes = 0, digits = 1): string => `${(bytes / 2 ** 30).toFixed(digits)} GiB`;

/** The beginning of an id, as people tell ids apart. */
export const short = (id: string): string => id.slice(0, 8);

/** For people: 3600000 → 1 h, 90000 → 2 min, 45000 → 45 s. */
export const roughly = (ms: number): string => {
  const s = Math.abs(ms) / 1000;
  return s < 60
    ? `${Math.round(s)} s`
    : s < 3570
      ? `${Math.round(s / 60)} min`
      : `${Number((s / 3600).toFixed(1))} h`;
};
