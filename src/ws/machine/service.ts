import { request } from "node:https";
import { err, ok, type Result } from "../../common/result.ts";

/** How a cluster's health services are asked: where they listen (host:port), the CA that signs for them, and what we present. */
export interface Access {
  readonly services: readonly string[];
  readonly ca: string;
  readonly bearer: string;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

const TIMEOUT_MS = 3000;
/** The service at that address does not decide: another one does. */
const STANDBY = 503;

/** Asks one service after the other until one answers that decides. The error says why none does, in one line. */
export async function askService(
  { services, ...access }: Access,
  method: "GET" | "POST" | "DELETE",
  path: string,
  body?: object,
): Promise<Result<Answer, string>> {
  let last: Result<Answer, string> = err("no health service is known");
  for (const service of services) {
    last = await askOne(service, access, method, path, body);
    if (last.ok && last.value.status !== STANDBY) return last;
  }
  return last;
}

const askOne = (
  service: string,
  { ca, bearer }: Pick<Access, "ca" | "bearer">,
  method: string,
  path: string,
  body?: object,
): Promise<Result<Answer, string>> =>
  new Promise((resolve) => {
    const text = body === undefined ? "" : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${bearer}`,
      ...(body === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
    };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const fail = ({ message, ...error }: NodeJS.ErrnoException) =>
      resolve(
        err(
          `${service}: ${signal.aborted ? `no answer in ${TIMEOUT_MS / 1000} s` : (error.code ?? message)}`,
        ),
      );
    // Only health services have certificates of that CA, whatever name or address they were dialled at.
    const trust = { ca, checkServerIdentity: () => undefined, agent: false } as const;
    const asking = request(`https://${service}${path}`, { method, headers, signal, ...trust }, (answer) => {
      let got = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => {
        got += part;
      });
      answer.on("end", () => resolve(ok({ status: answer.statusCode ?? 0, text: got })));
      answer.on("error", fail);
    });
    asking.on("error", fail);
    asking.end(text);
  });
