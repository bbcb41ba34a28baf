const two = (count: number): string => String(count).padStart(2, "0");

/** The browser's time of day; with the day where it is not that of `nowMs`. Pure but for the time zone. */
export function clock(ms: number, nowMs: number): string {
  const at = new Date(ms);
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  if (at.toDateString() === new Date(nowMs).toDateString()) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}
