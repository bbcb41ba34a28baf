import { type LogLine, type LogRequest, stamped } from "../log-files.ts";
import { streamLines } from "../run-program.ts";
import { CHANGE_MS, type Engine } from "./engine.ts";

/** What a container wrote, restarts included, or its last lines; empty where the engine has no log of it. */
export async function readContainer({ docker }: Engine, ref: string, lastLines?: number): Promise<string> {
  const tail = lastLines === undefined ? [] : ["--tail", String(lastLines)];
  const log = await docker(["logs", ...tail, ref], { timeoutMs: CHANGE_MS, both: true });
  return log.ok ? log.value : "";
}

/** The lines of one container, as the engine gives them. */
export async function* followContainer(
  node: string,
  ref: string,
  { follow, tail, since }: LogRequest,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const words = [
    ...(follow ? ["--follow"] : []),
    ...(tail === undefined ? [] : ["--tail", String(tail)]),
    ...(since === undefined ? [] : ["--since", since.toISOString()]),
  ];
  for await (const line of streamLines(["docker", "logs", "--timestamps", ...words, ref], { env, signal }))
    yield { node, ...stamped(line) };
}
