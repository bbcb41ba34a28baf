import { execa, type Options } from "execa";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface RunOptions {
  /** The whole environment of the program. */
  readonly env: Environment;
  readonly cwd?: string;
  /** Aborted: the program is asked to end. */
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Gets each line of its output as it comes. */
  readonly onLine?: ((line: string) => void) | undefined;
}

export interface Ended {
  readonly ok: boolean;
  /** Undefined where it could not be run or a signal ended it. */
  readonly code: number | undefined;
  /** Its file was not found. */
  readonly missing: boolean;
  readonly stdout: string;
  /** Its lines. For a failed program also the cause, and its stdout if stderr was empty. */
  readonly stderr: readonly string[];
  /** Both in order. */
  readonly all: string;
}

/** After TERM, until whatever is left of a program gets KILL. */
const KILL_MS = 2_000;

const common = ({ env, cwd, signal, timeoutMs }: RunOptions) =>
  ({
    all: true,
    reject: false,
    stdin: "ignore",
    // A process group of its own: we pass Ctrl-C on ourselves, so that we can still clean up. What the program has
    // started keeps its output open, so the whole group must be ended.
    killDescendants: true,
    forceKillAfterDelay: KILL_MS,
    extendEnv: false,
    env,
    ...(cwd === undefined ? {} : { cwd }),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  }) as const satisfies Options;

/** Runs a program to its end. */
export async function runProgram(
  [file = "", ...args]: readonly string[],
  options: RunOptions,
): Promise<Ended> {
  const child = execa(file, args, common(options));
  if (options.onLine !== undefined) void forEachLine(child.iterable({ from: "all" }), options.onLine);
  const { all, stdout, stderr, failed, shortMessage, exitCode, code } = await child;
  const why = exitCode === undefined ? [shortMessage ?? "it could not be run"] : [];
  const said = linesOf(failed && stderr.trim() === "" ? all : stderr);
  return {
    ok: !failed,
    code: exitCode,
    missing: code === "ENOENT",
    stdout,
    stderr: failed ? [...said, ...why] : said,
    all,
  };
}

const linesOf = (text: string): string[] => (text.trim() === "" ? [] : text.trim().split("\n"));

async function forEachLine(lines: AsyncIterable<string>, onLine: (line: string) => void): Promise<void> {
  try {
    for await (const line of lines) onLine(line);
  } catch {
    // The program failed; whoever awaits it hears of that.
  }
}

/** The lines that a program writes, as they come; ends with it or with `signal`. */
export async function* streamLines(
  [file = "", ...args]: readonly string[],
  {
    from = "all",
    ...options
  }: RunOptions & { readonly signal: AbortSignal; readonly from?: "all" | "stdout" },
): AsyncGenerator<string> {
  const child = execa(file, args, { ...common(options), buffer: false });
  try {
    yield* child.iterable({ from });
  } catch (error) {
    // Ctrl-C is how following ends.
    if (!options.signal.aborted) throw error;
  }
}
