import type { Progress } from "./output/progress.ts";

/** What every long step gets: where to show its progress, when it has to stop. */
export interface Job {
  readonly progress: Progress;
  /** Aborted by the first Ctrl-C: stop here and clean up. */
  readonly signal: AbortSignal;
  /** Aborted by the second one: clean up without asking anybody. */
  readonly urgent: AbortSignal;
  /** Runs work that must not be left half done, such as undoing a start. */
  readonly cleaning?: (<T>(work: () => Promise<T>) => Promise<T>) | undefined;
  /** How long the nodes may take to become ALIVE. */
  readonly timeoutMs: number;
}

/** Undoes a start; a repeated Ctrl-C waits for it. */
export const cleaning = <T>(job: Pick<Job, "cleaning">, work: () => Promise<T>): Promise<T> =>
  job.cleaning === undefined ? work() : job.cleaning(work);
