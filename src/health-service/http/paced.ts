import { pause } from "../../common/deadline.ts";

/**
 * A text of 1 MiB that is read slowly stays in memory for up to 10 s (server.ts), so at most 40 of them do, however
 * many clients ask.
 */
const MIN_REST_MS = 250;
/** A text that takes 50 ms to make is made at most once in 500 ms. */
const REST_FACTOR = 10;

/**
 * `make` for a text that many request and that is expensive to make: those who ask while it rests are answered together
 * by the next one. So no answer is older than its request, and making the text takes at most a tenth of the time.
 * `now`: milliseconds on the monotonic clock.
 */
export function paced(make: () => string, now: () => number): () => Promise<Buffer> {
  let restsUntilMs = 0;
  let next: Promise<Buffer> | null = null;
  const render = async (): Promise<Buffer> => {
    const restMs = restsUntilMs - now();
    await (restMs > 0 ? pause(restMs) : null);
    next = null;
    const beganMs = now();
    const text = Buffer.from(make());
    restsUntilMs = now() + Math.max(MIN_REST_MS, REST_FACTOR * (now() - beganMs));
    return text;
  };
  return () => {
    next ??= render();
    return next;
  };
}
