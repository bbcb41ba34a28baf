import type { Progress } from "./output/progress.ts";

/** What every long step gets: where to show its progress, when it has to stop. */
export interface Job {
  readonly progress: Progress;
  /** Aborted by the first Ctrl-C, SIGTERM or SIGHUP, with the signal's name as the reason: stop here and clean up. */
  readonly signal: AbortSignal;
  /** Aborted by the second one: clean up without asking anybody. */
  readonly urgent: AbortSignal;
  /** Runs work that must not be left half done, such as undoing a start; even a third Ctrl-C waits for it. */
  readonly cleaning?: <T>(work: () => Promise<T>) => Promise<T>;
  /** How long the nodes may take to become ALIVE. */
  readonly timeoutMs: number;
}
