import { readFileSync } from "node:fs";
import { err, ok, type Result } from "../../../common/result.ts";
import { runProgram } from "../run-program.ts";
import type { ProcessInfo } from "./processes.ts";
import { baseEnvironment } from "./start.ts";

const COMMAND_TIMEOUT_MS = 120_000;

interface Place {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly binDir: string;
  readonly folder: string;
  readonly signal: AbortSignal | undefined;
}

/** All nodes share this machine: a command "in" a node has its PATH. */
export async function execOn(
  { env, binDir, folder, signal }: Place,
  service: string,
  [file = "", ...args]: readonly string[],
): Promise<Result<string, string>> {
  const base = baseEnvironment(env);
  const {
    ok: done,
    all,
    code,
    stderr,
  } = await runProgram([file, ...args], {
    timeoutMs: COMMAND_TIMEOUT_MS,
    signal,
    cwd: folder,
    env: {
      ...base,
      PATH: `${binDir}:${base.PATH ?? ""}`,
      RAY_USAGE_STATS_ENABLED: "0",
      WS_IN: service,
    },
  });
  if (done) return ok(all);
  const last = all.trim().split("\n").slice(-3).join(" / ");
  const why = code === undefined ? stderr.at(-1) : `exit code ${code}`;
  return err(`${file} ${args[0] ?? ""}: ${why}: ${last}`);
}

/** The raylet is the part that runs the user's work; its environment is what its workers get. */
export function rayletEnvironment(processes: readonly ProcessInfo[]): Result<string, string> {
  const raylet = processes.find(({ command }) => /\/raylet\/raylet /.test(command));
  return raylet === undefined
    ? err("no raylet runs")
    : ok(readFileSync(`/proc/${raylet.pid}/environ`, "utf8"));
}
