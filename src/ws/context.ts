import type { Job, RuntimeName } from "./runtimes/runtime.ts";
import type { Terminal } from "./terminal/terminal.ts";

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
  /** Runs what must not be left half done, which a third one waits for. */
  readonly cleaning?: Job["cleaning"];
  /** Asks whoever sits at the terminal; undefined where nobody does. Without an answer: when Ctrl-C comes, or the input's end. */
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
