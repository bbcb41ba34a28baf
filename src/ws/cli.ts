import { resolve } from "node:path";
import { Command, CommanderError, Option } from "commander";
import { moment, timeoutOption, wholeNumber } from "./cli-values.ts";
import { doctor } from "./commands/doctor.ts";
import { down } from "./commands/down.ts";
import { generate } from "./commands/generate.ts";
import { type LogsOptions, logs } from "./commands/logs.ts";
import { ps } from "./commands/ps.ts";
import { test } from "./commands/test.ts";
import { up } from "./commands/up.ts";
import type { GlobalOptions, WsContext } from "./context.ts";
import { RUNTIMES } from "./drivers/driver.ts";
import { EXIT, fail, ioFailure } from "./failure.ts";

interface RawGlobals {
  readonly runtime?: GlobalOptions["runtime"];
  readonly config?: string;
  readonly state?: string;
}

/** Where the CLI finds things when nothing else is said: the checkout's root. */
export interface CliDefaults {
  readonly root: string;
  readonly version: string;
}

/** Runs one command line (without the program's name) and returns its exit code. */
export async function runCli(
  words: readonly string[],
  context: WsContext,
  defaults: CliDefaults,
): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = buildProgram(context, defaults, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...words], { from: "user" });
  } catch (error) {
    const io = ioFailure(error);
    if (io !== undefined) return fail(context, io);
    // Commander's way to say that it has printed help, a version or an error and is done.
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return exitCode;
}

function buildProgram(
  context: WsContext,
  { root, version }: CliDefaults,
  finish: (code: number) => void,
): Command {
  const { terminal, env } = context;
  const program = new Command("ws")
    .description("Runs the Ray cluster that config.yaml describes, and tests it.")
    .version(version, "-V, --version")
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .showHelpAfterError("→ See ws --help, or ws COMMAND --help.")
    .addOption(
      new Option(
        "--runtime <name>",
        "how to run the nodes (default: docker where an engine answers)",
      ).choices([...RUNTIMES]),
    )
    .option("-c, --config <file>", "the configuration (default: config.yaml beside ws)")
    .option("--state <folder>", "where ws keeps everything (default: WS_STATE_DIR, else .ws beside ws)")
    .addHelpText("after", EPILOGUE);
  const globals = (): GlobalOptions => {
    const { runtime, config, state } = program.opts<RawGlobals>();
    // Empty is not set: `WS_STATE_DIR=""` must not mean the folder that one happens to stand in.
    const stateDir = resolve(state || env.WS_STATE_DIR || `${root}/.ws`);
    return {
      runtime,
      configFile: resolve(config || `${root}/config.yaml`),
      configGiven: Boolean(config),
      stateDir,
      venvDir: resolve(env.WS_VENV_DIR || stateDir),
    };
  };
  program
    .command("generate")
    .description("write compose.yaml and cluster-test.compose.yaml beside config.yaml")
    .option("--check", "only compare; exit 1 when one of them is missing or differs")
    .action(async ({ check = false }: { check?: boolean }) =>
      finish(await generate(context, { ...globals(), root, check })),
    );
  program
    .command("doctor")
    .description("look at this machine and the cluster, and say what to change; exit 1 if anything is wrong")
    .action(async () => finish(await doctor(context, globals())));
  addClusterCommands(program, context, globals, finish);
  addTestCommand(program, context, globals, finish);
  return program;
}

interface RawUp {
  readonly timeout: number;
  readonly build?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

type Globals = () => GlobalOptions;
type Finish = (code: number) => void;

function addClusterCommands(program: Command, context: WsContext, globals: Globals, finish: Finish): void {
  program
    .command("up")
    .description("start the cluster, or what is missing of it, and wait until every node is ALIVE")
    .option("--build", "build the images anew (docker); without it only missing ones are built")
    .option("--dry-run", "show what would be started, replaced and stopped, and change nothing")
    .option("-y, --yes", "replace and stop what runs without asking")
    .addOption(timeoutOption())
    .action(async ({ timeout, build = false, dryRun = false, yes = false }: RawUp) =>
      finish(await up(context, { ...globals(), timeoutMs: timeout, build, dryRun, yes })),
    );
  program
    .command("ps")
    .description("show the nodes as Ray sees them; exit 1 while one is missing")
    .option("--json", "as JSON")
    .action(async ({ json = false }: { json?: boolean }) =>
      finish(await ps(context, { ...globals(), json })),
    );
  program
    .command("logs")
    .description("show what the services wrote")
    .argument("[node...]", "only these")
    .option("-f, --follow", "go on until Ctrl-C")
    .option("-n, --tail <lines>", "only the last lines of each", wholeNumber)
    .option("--since <time>", "only what was written since then: 2026-01-31T12:00:00Z, or 10m ago", moment)
    .option("-t, --timestamps", "with the time in front of each line")
    .action(async (nodes: string[], { follow = false, ...rest }: Partial<LogsOptions>) =>
      finish(await logs(context, { ...globals(), nodes, follow, tail: undefined, ...rest })),
    );
  program
    .command("down")
    .description("stop everything and leave nothing behind; twice is fine")
    .option("-v, --volumes", "remove logs and the health service's memory as well")
    .option("-y, --yes", "also what was started from another folder under the same project.name (docker)")
    .action(async ({ volumes = false, yes = false }: { volumes?: boolean; yes?: boolean }) =>
      finish(await down(context, { ...globals(), volumes, yes })),
    );
}

interface RawTest {
  readonly up?: true;
  readonly down?: true;
  readonly logs?: true;
  readonly head?: string;
  readonly report?: string;
  readonly timeout: number;
}

function addTestCommand(program: Command, context: WsContext, globals: Globals, finish: Finish): void {
  const command = program
    .command("test")
    .description(
      "the cluster test: a worker outside the whitelist, a client, and every line of the checklist",
    )
    .addOption(
      new Option("--up", "start both and judge; exit 0 only if every line holds").conflicts(["down", "logs"]),
    )
    .addOption(new Option("--down", "stop both; the cluster stays").conflicts(["logs", "head"]))
    .addOption(new Option("--logs", "show what both wrote").conflicts("head"))
    .option("--head <host:port>", "the HEAD_ADDRESS that the test worker is told (default: config.yaml's)")
    .addOption(
      new Option("--report <folder>", "write the results there, as JUnit XML, JSON and Markdown").conflicts([
        "down",
        "logs",
      ]),
    )
    .addOption(timeoutOption());
  command.action(async (raw: RawTest) => {
    const action = raw.up ? "up" : raw.down ? "down" : raw.logs ? "logs" : undefined;
    if (action === undefined) command.error("error: expected one of --up, --down and --logs");
    else {
      const { head, timeout: timeoutMs } = raw;
      const report = raw.report === undefined ? undefined : resolve(raw.report);
      finish(await test(context, { ...globals(), action, head, report, timeoutMs }));
    }
  });
}

const EPILOGUE = `
Environment:
  WS_STATE_DIR   the folder for state, logs and the virtual environment (default: .ws beside ws)
  WS_VENV_DIR    the folder for the virtual environments alone (default: the state folder)
  WS_PYTHON      the Python that they are made with (default: python3)

Exit codes: 0 done; 1 a check failed, or a node is missing; 2 ws up would replace or stop what runs, and the user has
not agreed; 64 wrong command line; 69 something that this machine lacks; 74 a file or folder that cannot be read or
written; 75 the cluster did not come up, or not all of it was removed; 77 a file or folder that is not ours; 78 wrong
configuration; 129 SIGHUP; 130 Ctrl-C; 143 SIGTERM.`;
