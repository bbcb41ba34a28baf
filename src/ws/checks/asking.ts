import { deadlineIn, pause } from "../../common/deadline.ts";

/** Asks at most once, also when many ask at the same time. */
export function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
}

/** Asks until an answer is final or the time is over; the last answer counts. */
export async function askUntil<T>(
  isFinal: (answer: T) => boolean,
  ask: () => Promise<T>,
  { forMs, everyMs, signal }: { forMs: number; everyMs: number; signal: AbortSignal },
): Promise<T> {
  const deadline = deadlineIn(forMs);
  for (;;) {
    const answer = await ask();
    if (isFinal(answer) || deadline.expired()) return answer;
    if (!(await pause(Math.min(everyMs, deadline.remainingMs()), signal))) return answer;
  }
}
