import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import { runCli } from "./cli.ts";

/** The folder of the bundles; what users type (`ws`, config.yaml, .ws) lies in the folder above. */
const dist = dirname(realpathSync(process.argv[1] ?? "."));

const first = new AbortController();
const second = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.on(name, () => (first.signal.aborted ? second : first).abort(name));

// A reader that has had enough (`ws logs | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const context = {
  terminal: {
    out: (text: string) => void process.stdout.write(text),
    err: (text: string) => void process.stderr.write(text),
    live: process.stderr.isTTY === true,
  },
  liveStream: process.stderr.isTTY === true ? process.stderr : undefined,
  env: process.env,
  dist,
  signal: first.signal,
  urgent: second.signal,
};

void runCli(process.argv.slice(2), context, { root: dirname(dist), version: __VERSION__ }).then((exitCode) =>
  process.exit(exitCode),
);
