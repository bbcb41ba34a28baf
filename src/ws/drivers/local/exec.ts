import { readFileSync } from "node:fs";
import { execa } from "execa";
import { err, ok, type Result } from "../../../common/result.ts";
import type { ProcessInfo } from "./processes.ts";
import { baseEnvironment } from "./start.ts";

const COMMAND_TIMEOUT_MS = 120_000;
const KILL_MS = 2_000;

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
  const { all, exitCode, failed, shortMessage } = await execa(file, args, {
    all: true,
    reject: false,
    timeout: COMMAND_TIMEOUT_MS,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
    // Ray's commands start others, which hold the output.
    killDescendants: true,
    forceKillAfterDelay: KILL_MS,
    cwd: folder,
    extendEnv: false,
    stdin: "ignore",
    env: {
      ...base,
      PATH: `${binDir}:${base.PATH ?? ""}`,
      RAY_USAGE_STATS_ENABLED: "0",
      WS_IN: service,
    },
  });
  if (!failed) return ok(all);
  const last = all?.trim().split("\n").slice(-3).join(" / ");
  const why = exitCode === undefined ? shortMessage : `exit code ${exitCode}`;
  return err(`${file} ${args[0] ?? ""}: ${why}: ${last}`);
}

/** The raylet is the part that runs the user's work; its environment is what its workers get. */
export function rayletEnvironment(processes: readonly ProcessInfo[]): Result<string, string> {
  const raylet = processes.find(({ command }) => /\/raylet\/raylet /.test(command));
  return raylet === undefined
    ? err("no raylet runs")
    : ok(readFileSync(`/proc/${raylet.pid}/environ`, "utf8"));
}
