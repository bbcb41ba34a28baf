import type { Places } from "./compose/write-files.ts";
import type { RuntimeName } from "./drivers/driver.ts";
import type { Program } from "./drivers/run-program.ts";
import { createProgress, type Job } from "./output/progress.ts";
import type { Terminal } from "./output/terminal.ts";

/** What every command gets from the process that it runs in. */
export interface WsContext extends Pick<Job, "signal" | "urgent" | "cleaning"> {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly dist: string;
  /** Asks the user at the terminal; undefined without a terminal. Ctrl-C or the end of input count as no answer. */
  readonly ask?: ((question: string) => Promise<string | undefined>) | undefined;
  /** All of standard input. */
  readonly input: () => Promise<string>;
  /** Replaces this process by a program, whose signals, terminal and exit code are then its own. */
  readonly become: (program: Pick<Program, "words" | "env">) => void;
  /** Standard input and output are a terminal. */
  readonly interactive: boolean;
}

export interface GlobalOptions extends Places {
  readonly runtime: RuntimeName | undefined;
  /** True where somebody named it: then it must be there. */
  readonly configGiven: boolean;
  readonly stateDir: string;
  readonly venvDir: string;
  /** What stands behind `--` on the command line. */
  readonly afterDashes: readonly string[];
}

/** Runs `work` with a progress display that is closed before anything else is written. */
export async function withJob<T>(
  context: WsContext,
  work: (job: Job) => Promise<T>,
  timeoutMs = 0,
): Promise<T> {
  const { live } = context.terminal;
  // Loading it takes a tenth of a command's start.
  const update = live && (await import("log-update")).createLogUpdate(live);
  const progress = createProgress(context.terminal, update);
  try {
    return await work({ ...context, progress, timeoutMs });
  } finally {
    progress.close();
  }
}
