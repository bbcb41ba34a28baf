import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import { text } from "node:stream/consumers";
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import { leave } from "../common/process.ts";
import { runCli } from "./cli.ts";
import type { Program } from "./drivers/run-program.ts";
import { SIGNAL_CODES } from "./failure.ts";
import { writer } from "./output/terminal.ts";

/** The folder of the bundles; what users type (`ws`, config.yaml, .ws) lies in the folder above. */
const dist = dirname(realpathSync(process.argv[1] ?? "."));

let cleanups = 0;
/** A clean-up that is interrupted leaves a network that blocks the next start. */
async function cleaning<T>(work: () => Promise<T>): Promise<T> {
  cleanups += 1;
  try {
    return await work();
  } finally {
    cleanups -= 1;
  }
}

function sayAndLeaveNext(): void {
  process.stderr.write(
    "→ Removing what was started; interrupt once more to stop at once, then run ws down for the rest\n",
  );
  cleanups = 0;
}

// zod/mini comes without messages of its own.
z.config(en());

const first = new AbortController();
const second = new AbortController();
for (const [name, code] of Object.entries(SIGNAL_CODES))
  process.on(name, () => {
    // The third one ends what ignores the first two, except a clean-up.
    if (second.signal.aborted && cleanups === 0) leave(process, code);
    if (second.signal.aborted) sayAndLeaveNext();
    (first.signal.aborted ? second : first).abort(name);
  });

// A reader that has had enough (`ws logs | head`) is no failure, and a terminal that is gone is one that SIGHUP tells of.
process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
  if (code !== "EIO") process.exit(code === "EPIPE" ? 0 : 1);
});
process.stderr.on("error", () => {});

const context = {
  terminal: {
    out: writer(process.stdout),
    err: writer(process.stderr),
    live: process.stderr.isTTY ? process.stderr : undefined,
  },
  env: process.env,
  dist,
  signal: first.signal,
  urgent: second.signal,
  cleaning,
  ask: process.stdin.isTTY && process.stderr.isTTY ? ask : undefined,
  input: () => text(process.stdin),
  interactive: Boolean(process.stdin.isTTY && process.stdout.isTTY),
  // env(1) looks the program up in PATH.
  become: ({ words, env }: Pick<Program, "words" | "env">) => {
    const set = Object.entries(env).filter(([, value]) => value !== undefined);
    process.execve?.("/usr/bin/env", ["env", ...words], Object.fromEntries(set));
  },
};

async function ask(question: string): Promise<string | undefined> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // While readline reads from the terminal, it receives Ctrl-C.
  lines.once("SIGINT", () => process.emit("SIGINT"));
  const ended = new Promise<undefined>((resolve) => lines.once("close", () => resolve(undefined)));
  try {
    const answer = lines.question(question, { signal: first.signal }).catch(() => undefined);
    return await Promise.race([answer, ended]);
  } finally {
    lines.close();
  }
}

void runCli(process.argv.slice(2), context).then((exitCode) => leave(process, exitCode));
