import { PassThrough } from "node:stream";
import { execa } from "execa";
import { asText, stamped } from "../log-files.ts";
import type { LogLine, LogRequest } from "../runtime.ts";
import type { Container } from "./containers.ts";
import { CHANGE_MS, type Engine } from "./engine.ts";

/** The last `count` lines that a container wrote, restarts included; none where the engine has no log of it. */
export async function lastLines({ docker }: Engine, container: string, count: number): Promise<string[]> {
  const log = await docker(["logs", "--tail", String(count), container], { both: true });
  if (!log.ok || log.value.trim() === "") return [];
  return asText(log.value).trimEnd().split("\n");
}

/** All that a container wrote in its present life; empty where the engine has no log of it. */
export async function lifeLog({ docker }: Engine, { id, startedAt }: Container): Promise<string> {
  const log = await docker(["logs", "--since", startedAt, id], { timeoutMs: CHANGE_MS, both: true });
  return log.ok ? asText(log.value) : "";
}

/** The lines of all sources: one source after the other or, if they are followed, as they come. */
export async function* readAll(
  sources: readonly AsyncGenerator<LogLine>[],
  follow: boolean,
): AsyncGenerator<LogLine> {
  if (follow) yield* merge(sources);
  else for (const source of sources) yield* source;
}

/** The lines of one container, as the engine gives them. */
export async function* readContainer(
  { id, service }: Container,
  { follow, tail, since }: LogRequest,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const words = [
    ...(follow ? ["--follow"] : []),
    ...(tail === undefined ? [] : ["--tail", String(tail)]),
    ...(since === undefined ? [] : ["--since", since.toISOString()]),
  ];
  const child = execa("docker", ["logs", "--timestamps", ...words, id], {
    all: true,
    reject: false,
    stdin: "ignore",
    buffer: false,
    killDescendants: true,
    extendEnv: false,
    env,
    cancelSignal: signal,
  });
  try {
    for await (const line of child.iterable({ from: "all" })) yield { node: service, ...stamped(line) };
  } catch (error) {
    // Ctrl-C is how following ends.
    if (!signal.aborted) throw error;
  }
}

async function* merge(streams: readonly AsyncGenerator<LogLine>[]): AsyncGenerator<LogLine> {
  const lines = new PassThrough({ objectMode: true });
  const all = Promise.all(
    streams.map(async (stream) => {
      for await (const line of stream) lines.write(line);
    }),
  );
  all.then(
    () => lines.end(),
    (error: Error) => lines.destroy(error),
  );
  yield* lines as AsyncIterable<LogLine>;
}
