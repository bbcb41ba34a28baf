import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import { readText } from "../common/auth-token.ts";
import type { Problem } from "../common/failure.ts";
import { THREADS } from "../common/lookup.ts";
import { createLogger, logForm } from "../common/output/logger.ts";
import { handleSignals, leave } from "../common/process.ts";
import { err, ok, type Result } from "../common/result.ts";
import { readConfig } from "./config.ts";
import { helpText } from "./help.ts";
import { type Event, exitCodeOf, type ServiceFailure, withoutLife } from "./output/event.ts";
import { render } from "./output/render.ts";
import { startHealthService } from "./start.ts";

const print = (text: string): void => void process.stdout.write(text);

/** The whole life of the health service: read config → listen → serve until a signal. Returns the exit code. */
async function main(): Promise<number> {
  z.config(en());
  const say = createLogger<Event>({
    form: logForm(process.env.RAY_EP_LOG),
    write: print,
    render,
    now: () => new Date(),
  });
  const fail = (failure: ServiceFailure): number => {
    say.log({ type: "failed", failure });
    return exitCodeOf(failure);
  };
  const request = readArgs(process.argv.slice(2));
  if (!request.ok) return fail({ reason: "bad-command-line", problems: request.error });
  if (request.value !== "run") {
    print(request.value === "help" ? helpText(__VERSION__) : `${__VERSION__}\n`);
    return 0;
  }

  const stop = new Promise<NodeJS.Signals>(handleSignals);
  const config = readConfig(process.env, readText);
  if (!config.ok) return fail({ reason: "bad-configuration", problems: config.error });
  const identity = { version: __VERSION__, instance: randomUUID() };
  const starting = startHealthService(config.value, identity, (event) => say.log(withoutLife(event)));
  // A start that hangs, on a disk say, ends with the signal as well.
  const service = await Promise.race([starting, stop.then(() => null)]);
  if (service !== null && !service.ok) return fail(service.error);
  say.log({ type: "stopping", signal: await stop });
  await service?.value.stop();
  return 0;
}

function readArgs(words: readonly string[]): Result<"run" | "help" | "version", readonly Problem[]> {
  try {
    const options = { help: { type: "boolean", short: "h" }, version: { type: "boolean" } } as const;
    const { values } = parseArgs({ args: [...words], options, strict: true });
    return ok(values.help ? "help" : values.version ? "version" : "run");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Any word may be a secret, but an option's name.
    const isWord = code === "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL";
    const problem = isWord ? "expected --help, --version or nothing, got another word" : message;
    return err([{ where: "command line", problem, fix: "Settings are environment variables; see --help." }]);
  }
}

// A log that cannot be written (its disk is full, its reader is gone) is no reason to end the service.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

// Under thousands of connections a second V8's young generation grows to 100 MB and does not shrink (Node 24).
setFlagsFromString("--semi-space-growth-factor=1");

// The service looks up and dials names of nodes, and no silent name must delay the others.
process.env.UV_THREADPOOL_SIZE = THREADS;

void main().then((code) => leave(process, code));
