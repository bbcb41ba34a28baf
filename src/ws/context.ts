import type { RuntimeName } from "./drivers/driver.ts";
import type { Job } from "./job.ts";
import type { Terminal } from "./output/terminal.ts";

/** What every command gets from the process that it runs in. */
export interface WsContext {
  readonly terminal: Terminal;
  /** Where progress is redrawn; undefined: nowhere. */
  readonly liveStream: NodeJS.WriteStream | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder of the bundles. */
  readonly dist: string;
  /** Aborted by the first Ctrl-C, SIGTERM or SIGHUP; the reason is the signal's name. */
  readonly signal: AbortSignal;
  /** Aborted by the second one. */
  readonly urgent: AbortSignal;
  /** Runs work that must not be left half done; even a third Ctrl-C waits for it. */
  readonly cleaning?: Job["cleaning"];
  /** Asks the user at the terminal; undefined without a terminal. Ctrl-C or the end of input count as no answer. */
  readonly ask?: ((question: string) => Promise<string | undefined>) | undefined;
}

/** The options that every command takes. */
export interface GlobalOptions {
  /** Undefined: docker where an engine answers, else embedded. */
  readonly runtime: RuntimeName | undefined;
  readonly configFile: string;
  /** True where somebody named it: then it must be there. */
  readonly configGiven: boolean;
  readonly stateDir: string;
  readonly venvDir: string;
}
