import { dirname, resolve } from "node:path";
import { Command, CommanderError, Option } from "commander";
import type { JsonOption, Work } from "./commands/command.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addDown } from "./commands/down.ts";
import { addEnv } from "./commands/env.ts";
import { addEvents } from "./commands/events.ts";
import { addGenerate } from "./commands/generate.ts";
import { addLogs } from "./commands/logs.ts";
import { addInit } from "./commands/members/init.ts";
import { addJoin } from "./commands/members/join.ts";
import { addLeave } from "./commands/members/leave.ts";
import { addPromote } from "./commands/members/promote.ts";
import { addRemove } from "./commands/members/remove.ts";
import { addToken } from "./commands/members/token.ts";
import { addOpen } from "./commands/open.ts";
import { addPs } from "./commands/ps.ts";
import { addResetState } from "./commands/reset-state.ts";
import { addRun } from "./commands/run.ts";
import { addShell } from "./commands/shell.ts";
import { addTest } from "./commands/test.ts";
import { addUp } from "./commands/up.ts";
import type { GlobalOptions, WsContext } from "./context.ts";
import { RUNTIMES } from "./drivers/driver.ts";
import { EXIT, fail, ioFailure } from "./failure.ts";
import { quoted, type Terminal } from "./output/terminal.ts";
import { foreignState, trustedOwners } from "./state/foreign.ts";

const COMMANDS = [
  ...[addGenerate, addDoctor, addUp, addPs, addEvents, addLogs, addRun, addShell, addEnv, addOpen],
  ...[addResetState, addDown, addTest, addInit, addJoin, addToken, addLeave, addRemove, addPromote],
];

/** Runs one command line (without the program's name) and returns its exit code. */
export async function runCli(words: readonly string[], context: WsContext): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = buildProgram(context);
  const run =
    <Options>(work: Work<Options>) =>
    async (...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const options = {
        ...readGlobals(program, context, words),
        ...(command.opts() as Options & JsonOption),
      };
      const foreign = foreignState(options.stateDir, trustedOwners(context.dist));
      const told = { ...context, terminal: typedAs(program, context.terminal, options) };
      const ended = foreign ?? (await work(told, options, command));
      exitCode = typeof ended === "number" ? ended : fail(told, ended);
    };
  for (const add of COMMANDS) add(program, run);
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

const buildProgram = ({ terminal: { out, err } }: WsContext): Command =>
  new Command("ws")
    .description("Runs the Ray cluster that config.yaml describes, and tests it.")
    .version(__VERSION__, "-V, --version")
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err })
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

/** What is not given lies in the checkout, the folder above the bundles. Empty is not given. */
function readGlobals(program: Command, { env, dist }: WsContext, words: readonly string[]): GlobalOptions {
  const root = dirname(dist);
  const { runtime, config, state } = program.opts();
  const stateDir = resolve(state || env.WS_STATE_DIR || `${root}/.ws`);
  const configFile = resolve(config || `${root}/config.yaml`);
  return {
    ...{ runtime, root, configFile, configFolder: dirname(configFile) },
    configGiven: Boolean(config),
    stateDir,
    venvDir: resolve(env.WS_VENV_DIR || stateDir),
    afterDashes: words.includes("--") ? words.slice(words.indexOf("--") + 1) : [],
  };
}

/**
 * The same terminal, on which every hint (`./ws`, or ws after a colon or "run") types the files and folders that were named this
 * time. A sentence that tells of a command, and JSON, stay as they are.
 */
function typedAs(program: Command, { out, err, live }: Terminal, { json }: JsonOption): Terminal {
  const { config, state } = program.opts();
  const named = Object.entries({ "-c": config, "--state": state }).filter(([, value]) => value);
  if (named.length === 0) return { out, err, live };
  const typed = ["./ws", ...named.map(([option, value]) => `${option} ${quoted(value)}`)].join(" ");
  const names = program.commands.map((command) => command.name()).join("|");
  const hint = new RegExp(
    `(?<![\\w./-])(?:\\./ws|(?<=: |\\brun )ws) (?=--runtime |(?:${names})(?![\\w-]))`,
    "g",
  );
  const told = (write: Terminal["out"]) => (text: string) => write(text.replaceAll(hint, () => `${typed} `));
  return { out: json ? out : told(out), err: told(err), live };
}

const EPILOGUE = `
Environment:
  WS_STATE_DIR   the folder for state, logs and the virtual environment (default: .ws beside ws)
  WS_VENV_DIR    the folder for the virtual environments alone (default: the state folder)
  WS_PYTHON      the Python that they are made with (default: python3)

Exit codes: 0 done; 1 a check failed, or a node is missing; 2 it would harm what runs, and the user has not agreed;
64 wrong command line; 69 something that this machine lacks; 74 a file or folder that cannot be read or written; 75 the
cluster did not come up, not all of it was removed, or its health service refused; 77 a file or folder that is not ours;
78 wrong configuration; 129 SIGHUP; 130 Ctrl-C; 143 SIGTERM. ws run and ws shell end with the code of what they ran, ws init
and ws join with that of a node that ends before it is a member.`;
