import type { Places } from "./compose/write-files.ts";
import type { RuntimeName } from "./drivers/driver.ts";
import { createProgress, type Job } from "./output/progress.ts";
import type { Terminal } from "./output/terminal.ts";

/** What every command gets from the process that it runs in. */
export interface WsContext extends Pick<Job, "signal" | "urgent" | "cleaning"> {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly dist: string;
  /** Asks the user at the terminal; undefined without a terminal. Ctrl-C or the end of input count as no answer. */
  readonly ask?: ((question: string) => Promise<string | undefined>) | undefined;
}

export interface GlobalOptions extends Places {
  readonly runtime: RuntimeName | undefined;
  /** True where somebody named it: then it must be there. */
  readonly configGiven: boolean;
  readonly stateDir: string;
  readonly venvDir: string;
}

/** Runs `work` with a progress display that is closed before anything else is written. */
export async function withJob<T>(
  context: WsContext,
  work: (job: Job) => Promise<T>,
  timeoutMs = 0,
): Promise<T> {
  const progress = createProgress(context.terminal);
  try {
    return await work({ ...context, progress, timeoutMs });
  } finally {
    progress.close();
  }
}
