import { deadlineIn } from "../../common/deadline.ts";
import type { Progress } from "../output/progress.ts";

/** A line of the progress display that a long step may write to. */
export interface Shown {
  readonly progress: Progress;
  readonly id: string;
}

const EACH_MS = 1000;
/** A shorter stop prints no line where lines cannot be redrawn. */
const QUIET_TICKS = 2;

interface Waited {
  readonly names: readonly string[];
  /** The maximum time that it may take. */
  readonly limitMs: number;
  /** Aborted: stop waiting. */
  readonly now: AbortSignal;
}

/** While `work` lasts, shows which services a stop waits for, and for how long at most. */
export async function whileStopping<T>(
  shown: Shown | undefined,
  waited: Waited,
  work: Promise<T>,
): Promise<T> {
  if (shown === undefined) return work;
  const { progress, id } = shown;
  const deadline = deadlineIn(waited.limitMs);
  const words = () =>
    `${waited.names.join(", ")} may finish running work: ${Math.ceil(Math.max(0, deadline.remainingMs()) / 1000)} s left at most (Ctrl-C ends them at once)`;
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
    if (ticks === QUIET_TICKS) progress.say(id, words());
    else progress.note(id, words());
  }, EACH_MS);
  const heard = () => progress.say(id, "Not waiting any longer: ending everything at once");
  waited.now.addEventListener("abort", heard, { once: true });
  try {
    return await work;
  } finally {
    clearInterval(timer);
    waited.now.removeEventListener("abort", heard);
    progress.note(id, "");
  }
}
