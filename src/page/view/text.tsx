import { visible } from "../../common/output/shown.ts";
import { span } from "../../common/output/units.ts";
import { clock } from "../time.ts";

const MAX_SHOWN = 140;

/** A text from outside: as text alone, with what is invisible made visible, and cut where it is long; the whole is its title. */
export function Foreign({ children, max = MAX_SHOWN }: { children: string; max?: number }) {
  const text = visible(children);
  if (text.length <= max) return <bdi>{text}</bdi>;
  return <bdi title={text}>{`${text.slice(0, max)}…`}</bdi>;
}

/** A moment as a time of day. */
export const At = ({ ms, nowMs }: { ms: number; nowMs: number }) => (
  <time dateTime={new Date(ms).toISOString()}>{clock(ms, nowMs)}</time>
);

/** For how long. The moment is its title. */
export const For = ({ ms, nowMs }: { ms: number; nowMs: number }) => (
  <time dateTime={new Date(ms).toISOString()} title={clock(ms, nowMs)}>
    {span(nowMs - ms)}
  </time>
);
