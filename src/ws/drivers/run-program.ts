import { execa, type Options } from "execa";
import type { Environment } from "../../common/environment.ts";

/** A program of this machine. */
export interface Program {
  readonly words: readonly string[];
  readonly env: Environment;
  readonly cwd?: string | undefined;
}

export interface RunOptions {
  readonly env: Environment;
  readonly cwd?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
}

export type Ended = Awaited<ReturnType<typeof runProgram>>;

export const COMMAND_TIMEOUT_MS = 120_000;
/** After TERM, until whatever is left of a program gets KILL. */
const KILL_MS = 2_000;

const common = ({ env, cwd, signal, timeoutMs }: RunOptions) =>
  ({
    all: true,
    reject: false,
    stdin: "ignore",
    // We pass Ctrl-C on ourselves, so that we can still clean up. What the program started keeps its output open.
    killDescendants: true,
    forceKillAfterDelay: KILL_MS,
    extendEnv: false,
    env,
    ...(cwd === undefined ? {} : { cwd }),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  }) as const satisfies Options;

/** Runs a program to its end. */
export async function runProgram([file = "", ...args]: readonly string[], options: RunOptions) {
  const child = execa(file, args, common(options));
  // A program that fails ends the lines with an error; whoever awaits it hears of that.
  if (options.onLine !== undefined)
    forEachLine(child.iterable({ from: "all" }), options.onLine).catch(() => {});
  const { all, stdout, stderr, failed, shortMessage, exitCode, code } = await child;
  const why = failed && exitCode === undefined ? [shortMessage ?? "it could not be run"] : [];
  const said = failed && stderr.trim() === "" ? all : stderr;
  const lines = said.trim() === "" ? [] : said.trim().split("\n");
  return {
    ok: !failed,
    /** Undefined where it could not be run or a signal ended it. */
    code: exitCode,
    missing: code === "ENOENT",
    stdout,
    /** Its lines. For a failed program also the cause, and its stdout if stderr was empty. */
    stderr: [...lines, ...why],
    /** Both in order. */
    all,
  };
}

async function forEachLine(lines: AsyncIterable<string>, onLine: (line: string) => void): Promise<void> {
  for await (const line of lines) onLine(line);
}

/** Runs a program that no Ctrl-C of the terminal reaches, with our output as its own. True where it ended well. */
export async function runApart(
  { words: [file = "", ...args], env, cwd }: Program,
  stdout: "stdout" | "stderr",
  signal: AbortSignal,
): Promise<boolean> {
  const own = {
    buffer: false,
    all: false,
    detached: true,
    stdout: stdout === "stdout" ? 1 : 2,
    stderr: 2,
  } as const;
  return !(await execa(file, args, { ...common({ env, cwd, signal }), ...own })).failed;
}

/** The lines that a program writes, as they come; ends with it or with `signal`. */
export async function* streamLines(
  [file = "", ...args]: readonly string[],
  options: RunOptions & { readonly signal: AbortSignal },
  from: "all" | "stdout" = "all",
): AsyncGenerator<string> {
  const child = execa(file, args, { ...common(options), buffer: false });
  try {
    yield* child.iterable({ from });
  } catch (error) {
    // Ctrl-C is how following ends.
    if (!options.signal.aborted) throw error;
  }
}
