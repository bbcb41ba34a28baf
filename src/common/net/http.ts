import { type RequestOptions, request } from "node:http";
import { err, ok, type Result } from "../result.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
  /** The service's clock, in milliseconds since 1970 and exact to a second; NaN where it does not say. */
  readonly dateMs: number;
}

/** One request to a health service, never retried here; an error is its cause. `body` is sent as JSON. */
export type Call = (
  method: string,
  path: string,
  timeoutMs: number,
  body?: unknown,
) => Promise<Result<Answer, string>>;

/** More than any honest answer; a service that sends without end is cut off here. */
const MAX_ANSWER = 2 * 1024 * 1024;

interface Sending {
  readonly method: string;
  readonly timeoutMs: number;
  readonly token: string | null;
  /** node:http's, or node:https's. */
  readonly request?: typeof request;
  readonly options: RequestOptions;
  /** In bytes; `MAX_ANSWER` where it is not given. */
  readonly maxAnswer?: number | undefined;
}

/** Sends one request and reads the whole answer, in `timeoutMs` at most. */
export function send(
  url: URL,
  { method, timeoutMs, token, options, request: begin = request, maxAnswer = MAX_ANSWER }: Sending,
  body?: unknown,
): Promise<Result<Answer, string>> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers = headersOf(payload, token);
  return new Promise((resolve) => {
    // The signal bounds the whole exchange, name look-up and slow answers included.
    const signal = AbortSignal.timeout(timeoutMs);
    const fail = (error: Error) => resolve(err(explain(error, url, timeoutMs)));
    const outgoing = begin(url, { method, headers, signal, ...options }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > maxAnswer) incoming.destroy(new Error(`an answer of more than ${maxAnswer} bytes`));
      });
      incoming.on("end", () =>
        resolve(
          ok({
            status: incoming.statusCode ?? 0,
            body: text,
            dateMs: Date.parse(incoming.headers.date ?? ""),
          }),
        ),
      );
      incoming.on("error", fail);
    });
    outgoing.on("error", fail);
    outgoing.end(payload);
  });
}

/** Node sends a DELETE's body without its length unless it is told. */
function headersOf(payload: string | undefined, token: string | null): Record<string, string> {
  const length = payload === undefined ? {} : { "content-length": String(Buffer.byteLength(payload)) };
  return {
    ...(payload === undefined ? {} : { "content-type": "application/json", ...length }),
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
}

const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "name not found",
  EAI_AGAIN: "name not found (the name service gave no answer)",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ECONNRESET: "the connection was closed",
};

/** Why a connection to `host` failed, in words. */
export const causeOf = ({ code = "", message }: Error & { code?: string }): string =>
  code.startsWith("HPE_") ? "the answer is not HTTP" : (CAUSES[code] ?? message);

function explain(error: Error & { code?: string }, url: URL, timeoutMs: number): string {
  if (error.name === "TimeoutError" || error.name === "AbortError")
    return `no answer from ${url.host} in ${timeoutMs} ms`;
  return `${url.host}: ${causeOf(error)}`;
}
