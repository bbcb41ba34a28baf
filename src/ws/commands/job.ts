import type { WsContext } from "../context.ts";
import type { Job } from "../job.ts";
import { createProgress } from "../output/progress.ts";

/** Runs `work` with a progress display that is closed before anything else is written. */
export async function withJob<T>(
  { terminal, liveStream, signal, urgent, cleaning }: WsContext,
  timeoutMs: number,
  work: (job: Job) => Promise<T>,
): Promise<T> {
  const progress = createProgress(terminal, liveStream);
  try {
    return await work({ progress, signal, urgent, cleaning, timeoutMs });
  } finally {
    progress.close();
  }
}
