import { PassThrough } from "node:stream";
import { err, ok, type Result } from "../../common/result.ts";
import { type Driver, servicesOf } from "../drivers/driver.ts";
import type { LogLine, LogRequest } from "../drivers/log-files.ts";
import type { WsFailure } from "../failure.ts";

/** The lines of the services' logs: one service after the other or, if they are followed, as they come. */
export async function readLogs(
  driver: Driver,
  request: LogRequest,
  signal: AbortSignal,
): Promise<Result<AsyncIterable<LogLine>, WsFailure>> {
  const found = await driver.list();
  if (!found.ok) return found;
  const { settings } = driver;
  const named = [...servicesOf(settings, "main"), ...servicesOf(settings, "test")];
  const known = [...new Set([...named, ...found.value.map(({ name }) => name)])];
  const unknown = request.nodes.find((node) => !known.includes(node));
  if (unknown !== undefined) return err({ reason: "no-such-node", node: unknown, known });
  const sources = (request.nodes.length === 0 ? known : request.nodes).flatMap((node) => {
    const service = found.value.find(({ name }) => name === node);
    return driver.readLog(node, service, request, signal) ?? [];
  });
  return ok(request.follow ? merge(sources) : concat(sources));
}

async function* concat(sources: readonly AsyncGenerator<LogLine>[]): AsyncGenerator<LogLine> {
  for (const source of sources) yield* source;
}

async function* merge(sources: readonly AsyncGenerator<LogLine>[]): AsyncGenerator<LogLine> {
  const lines = new PassThrough({ objectMode: true });
  const all = Promise.all(
    sources.map(async (source) => {
      for await (const line of source) lines.write(line);
    }),
  );
  all.then(
    () => lines.end(),
    (error: Error) => lines.destroy(error),
  );
  yield* lines as AsyncIterable<LogLine>;
}
