import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import * as z from "zod/mini";
import type { ErrorAnswer } from "../../common/protocol/lease-protocol.ts";
import { err, ok, type Result } from "../../common/result.ts";

/** One answer, ready to be sent. */
export interface Reply {
  readonly status: number;
  /** JSON where they name no other content type. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body: string | Buffer;
}

export const json = (status: number, body: unknown): Reply => ({
  status,
  body: `${JSON.stringify(body)}\n`,
});

/** A refusal in words, with the way out in `error` and each wrong field in `problems`. */
export function refuse(
  status: number,
  error: string,
  { problems, headers }: Pick<ErrorAnswer, "problems"> & Pick<Reply, "headers"> = {},
): Reply {
  const body: ErrorAnswer = { error, problems };
  return { ...json(status, body), headers };
}

/**
 * The limit of a request's body: a node's report is about 300 bytes, and 6 KB if everything in it has its maximum
 * length.
 */
const MAX_BODY = 8 * 1024;

/** What a client that sends too much may go on sending, so that it can still read our answer, before it is cut off. */
const MAX_IGNORED = 1024 * 1024;

/**
 * The whole body as text, or the reply that refuses it. Never rejects; null when the client went away. A body in chunks
 * was refused before, and Node reads no more than the header says.
 */
export async function readBody(request: IncomingMessage): Promise<Result<string, Reply> | null> {
  const length = Number(request.headers["content-length"] ?? 0);
  if (length > MAX_BODY) {
    const headers = length > MAX_IGNORED ? { connection: "close" } : undefined;
    return err(refuse(413, `expected a body of at most ${MAX_BODY} bytes`, { headers }));
  }
  return await text(request).then(ok, () => null);
}

/** The body as the schema has it, or a 400 that names each wrong field and what was expected. */
export function parseBody<T>(schema: z.ZodMiniType<T>, body: string): Result<T, Reply> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    const cause = body === "" ? "got an empty body" : (error as Error).message;
    return err(refuse(400, `expected a JSON object: ${cause}`));
  }
  const parsed = z.safeParse(schema, value);
  if (parsed.success) return ok(parsed.data);
  const problems = parsed.error.issues.map(({ path, message }) => {
    const field = path.length === 0 ? "body" : path.join(".");
    return `${field}: ${message.replace(/^Invalid \w+: /, "")}`;
  });
  return err(refuse(400, "the body does not have the expected shape", { problems }));
}
