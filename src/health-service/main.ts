import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import { monotonicMs } from "../common/deadline.ts";
import type { Problem } from "../common/failure.ts";
import { readText } from "../common/files.ts";
import { THREADS } from "../common/lookup.ts";
import { createLogger, logForm } from "../common/output/logger.ts";
import { handleSignals, leave } from "../common/process.ts";
import { err, ok, type Result } from "../common/result.ts";
import { type Event, quietLog, render } from "./event.ts";
import { EXIT_CODES, type ServiceFailure } from "./failure.ts";
import { helpText, readConfig } from "./read-config.ts";
import { startHealthService } from "./start.ts";

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** The whole life of the health service: read config → listen → serve until a signal. Returns the exit code. */
async function main(): Promise<number> {
  z.config(en());
  const form = logForm(process.env.RAY_EP_LOG);
  const logger = createLogger<Event>({ form, write: print, render, now: () => new Date() });
  const log = quietLog(logger.log, monotonicMs);
  const fail = (failure: ServiceFailure): number => {
    log({ type: "failed", failure });
    return EXIT_CODES[failure.reason];
  };
  const request = readArgs(process.argv.slice(2));
  if (!request.ok) return fail({ reason: "bad-command-line", problems: request.error });
  if (request.value.help) return print(helpText(__VERSION__));
  if (request.value.version) return print(`${__VERSION__}\n`);

  const stop = new Promise<NodeJS.Signals>(handleSignals);
  const config = readConfig(process.env, readText);
  if (!config.ok) return fail({ reason: "bad-configuration", problems: config.error });
  const identity = { version: __VERSION__, instance: randomUUID() };
  const starting = startHealthService(config.value, identity, log);
  // A start that hangs, on a disk say, ends with the signal as well.
  const service = await Promise.race([starting, stop.then(() => null)]);
  if (service !== null && !service.ok) return fail(service.error);
  log({ type: "stopping", signal: await stop });
  await service?.value.stop();
  return 0;
}

function readArgs(args: string[]): Result<{ help?: boolean; version?: boolean }, readonly Problem[]> {
  try {
    const options = { help: { type: "boolean", short: "h" }, version: { type: "boolean" } } as const;
    return ok(parseArgs({ args, options }).values);
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

// Under thousands of connections a second V8's young generation would grow to 100 MB for good (Node 24).
setFlagsFromString("--semi-space-growth-factor=1");

process.env.UV_THREADPOOL_SIZE = THREADS;

void main().then((code) => leave(process, code));
