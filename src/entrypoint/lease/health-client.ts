import { request } from "node:http";
import type { LookupFunction } from "node:net";
import * as z from "zod/mini";
import { monotonicMs } from "../../common/deadline.ts";
import { rememberingLookup } from "../../common/lookup.ts";
import * as wire from "../../common/protocol/lease-protocol.ts";
import { ReachAnswer, type ReachRequest } from "../../common/protocol/reach-protocol.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { HealthFact, LeaseFact, ReportFact } from "../election/facts.ts";

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** More than any honest answer; a service that sends without end is cut off here. */
const MAX_ANSWER = 1024 * 1024;

/** Talks to the health service at `url`. One request each call, never retried here; no call throws. */
export interface HealthClient {
  /** One look: the lease and the nodes, or a service that only answers 200, or why it counts as down. */
  look(timeoutMs: number): Promise<Exclude<HealthFact, { kind: "unknown" }>>;
  askLease(request: wire.LeaseRequest, timeoutMs: number): Promise<LeaseFact>;
  releaseLease(release: wire.LeaseRelease, timeoutMs: number): Promise<Result<void, string>>;
  report(node: string, report: wire.NodeReport, timeoutMs: number): Promise<ReportFact>;
  /** Has the service dial this node back; an error is its cause. */
  reach(request: ReachRequest, timeoutMs: number): Promise<Result<ReachAnswer, string>>;
}

/** `token` is sent with writes, where the service wants one. */
export function openHealthClient(url: string, token: string | null): HealthClient {
  const lookup = rememberingLookup();
  const call = (method: string, path: string, timeoutMs: number, body?: unknown) =>
    send(new URL(`${url}${path}`), { method, timeoutMs, token, lookup }, body);
  return {
    look: (timeoutMs) => look(call, timeoutMs),
    askLease: async (body, timeoutMs) => toLeaseFact(await call("PUT", "/v1/head", timeoutMs, body)),
    releaseLease: async (body, timeoutMs) =>
      expect200(await call("DELETE", "/v1/head", timeoutMs, body), () => undefined),
    report: async (node, body, timeoutMs) =>
      toReportFact(await call("PUT", `/v1/nodes/${encodeURIComponent(node)}`, timeoutMs, body)),
    reach: async (body, timeoutMs) =>
      expect200(await call("POST", "/v1/reach", timeoutMs, body), (text) => parse(ReachAnswer, text)),
  };
}

type Call = (
  method: string,
  path: string,
  timeoutMs: number,
  body?: unknown,
) => Promise<Result<Answer, string>>;

async function look(call: Call, timeoutMs: number): Promise<Exclude<HealthFact, { kind: "unknown" }>> {
  const start = monotonicMs();
  const spent = () => monotonicMs() - start;
  const lease = await readLease(call, timeoutMs);
  if (!lease.ok) return { kind: "down", ms: spent(), attempts: 1, cause: lease.error };
  const view = lease.value.status === 200 ? parse(wire.ClusterView, lease.value.body) : null;
  if (view !== null) return { kind: "lease", ms: spent(), view };
  const root = await call("GET", "/", timeoutMs);
  if (!root.ok) return { kind: "down", ms: spent(), attempts: 1, cause: root.error };
  return root.value.status === 200
    ? { kind: "plain", ms: spent() }
    : { kind: "down", ms: spent(), attempts: 1, cause: `answers ${root.value.status} instead of 200` };
}

/** Without the nodes, so that it is short. A service of an earlier version has no such path, but knows this one. */
async function readLease(call: Call, timeoutMs: number): Promise<Result<Answer, string>> {
  const lease = await call("GET", "/v1/head", timeoutMs);
  return lease.ok && lease.value.status === 405 ? call("GET", "/v1/cluster", timeoutMs) : lease;
}

function toLeaseFact(answer: Result<Answer, string>): LeaseFact {
  if (!answer.ok) return { kind: "no-answer", cause: answer.error };
  const { status, body } = answer.value;
  const granted = status === 200 ? parse(wire.LeaseGranted, body) : null;
  if (granted !== null) return { kind: "granted", ...granted };
  const refused = status === 409 ? parse(wire.LeaseRefused, body) : null;
  if (refused !== null) return { kind: "refused", ...refused };
  return { kind: "no-answer", cause: `the health service answered ${status} ${body.slice(0, 200).trim()}` };
}

function toReportFact(answer: Result<Answer, string>): ReportFact {
  if (!answer.ok) return { kind: "no-answer", cause: answer.error };
  const { status, body } = answer.value;
  const refused = status === 409 ? parse(wire.NodeRefused, body) : null;
  if (refused !== null) return { kind: "duplicate-name", message: refused.message };
  const noted = status === 200 ? parse(wire.NodeNoted, body) : null;
  return noted === null
    ? { kind: "no-answer", cause: `answered ${status}` }
    : { kind: "noted", hasDuplicate: noted.namesake, epoch: noted.epoch };
}

/** What `read` makes of a body that came with a 200. */
function expect200<T>(answer: Result<Answer, string>, read: (body: string) => T | null): Result<T, string> {
  if (!answer.ok) return answer;
  const { status, body } = answer.value;
  const value = status === 200 ? read(body) : null;
  return value === null ? err(`answered ${status} ${body.slice(0, 200).trim()}`) : ok(value);
}

function parse<T>(schema: z.ZodMiniType<T>, text: string): T | null {
  try {
    return z.safeParse(schema, JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

interface Sending {
  readonly method: string;
  readonly timeoutMs: number;
  readonly token: string | null;
  readonly lookup: LookupFunction;
}

function send(
  url: URL,
  { method, timeoutMs, token, lookup }: Sending,
  body?: unknown,
): Promise<Result<Answer, string>> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers = headersOf(payload, method === "GET" ? null : token);
  return new Promise((resolve) => {
    // The signal bounds the whole exchange, name look-up and slow answers included.
    const signal = AbortSignal.timeout(timeoutMs);
    const fail = (error: Error) => resolve(err(explain(error, url, timeoutMs)));
    const outgoing = request(url, { method, headers, signal, lookup, agent: false }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > MAX_ANSWER)
          incoming.destroy(new Error(`an answer of more than ${MAX_ANSWER} bytes`));
      });
      incoming.on("end", () => resolve(ok({ status: incoming.statusCode ?? 0, body: text })));
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

function explain(error: Error & { code?: string }, url: URL, timeoutMs: number): string {
  if (error.name === "TimeoutError" || error.name === "AbortError")
    return `no answer from ${url.host} in ${timeoutMs} ms`;
  const cause = error.code?.startsWith("HPE_")
    ? "the answer is not HTTP"
    : (CAUSES[error.code ?? ""] ?? error.message);
  return `${url.host}: ${cause}`;
}
