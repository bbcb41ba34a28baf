import type { LogPart } from "../driver.ts";
import { asText, type LogLine, type LogRequest, stamped } from "../log-files.ts";
import { streamLines } from "../run-program.ts";
import { CHANGE_MS, type Engine } from "./engine.ts";

/** What a container wrote, restarts included, or a part of it; empty where the engine has no log of it. */
export async function readContainer(
  { docker }: Pick<Engine, "docker">,
  ref: string,
  { lastLines, sinceMs }: LogPart = {},
): Promise<string> {
  const tail = lastLines === undefined ? [] : ["--tail", String(lastLines)];
  const since = sinceMs ? ["--since", new Date(sinceMs).toISOString()] : [];
  const log = await docker(["logs", ...tail, ...since, ref], { timeoutMs: CHANGE_MS, both: true });
  return log.ok ? asText(log.value) : "";
}

/** Where the image has a node keep its status (docker/Dockerfile). */
const STATUS_FILE = "/run/ray-entrypoint/status.json";

/** The text of that file, also of a container that does not run; empty where there is none. */
export async function readStatus({ docker }: Pick<Engine, "docker">, ref: string): Promise<string> {
  // A tar archive of this one file, whose header has no braces. `docker exec` would need a container that runs.
  const archive = await docker(["cp", `${ref}:${STATUS_FILE}`, "-"]);
  const text = archive.ok ? archive.value : "";
  return text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1);
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
