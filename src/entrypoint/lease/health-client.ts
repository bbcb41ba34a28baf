import * as z from "zod/mini";
import { monotonicMs } from "../../common/deadline.ts";
import { rememberingLookup } from "../../common/lookup.ts";
import { type Answer, type Call, send } from "../../common/net/http.ts";
import * as wire from "../../common/protocol/lease-protocol.ts";
import { ReachAnswer, type ReachRequest } from "../../common/protocol/reach-protocol.ts";
import {
  ClusterView,
  NodeNoted,
  NodeRefused,
  type NodeReport,
} from "../../common/protocol/report-protocol.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { HealthFact, LeaseFact, ReportFact } from "../election/facts.ts";

/** Talks to the health service at `url`. One request each call, never retried here; no call throws. */
export interface HealthClient {
  /** One look: the lease and the nodes, or a service that only answers 200, or why it counts as down. */
  look(timeoutMs: number): Promise<Exclude<HealthFact, { kind: "unknown" }>>;
  askLease(request: wire.LeaseRequest, timeoutMs: number): Promise<LeaseFact>;
  releaseLease(release: wire.LeaseRelease, timeoutMs: number): Promise<Result<void, string>>;
  report(node: string, report: NodeReport, timeoutMs: number): Promise<ReportFact>;
  /** Has the service dial this node back; an error is its cause. */
  reach(request: ReachRequest, timeoutMs: number): Promise<Result<ReachAnswer, string>>;
}

/** `token` is sent with writes, where the service wants one. */
export function openHealthClient(url: string, token: string | null): HealthClient {
  const options = { lookup: rememberingLookup(), agent: false };
  return healthClient((method, path, timeoutMs, body) => {
    const sending = { method, timeoutMs, token: method === "GET" ? null : token, options };
    return send(new URL(`${url}${path}`), sending, body);
  });
}

/** What a node asks of a health service, over `call`. */
export function healthClient(call: Call): HealthClient {
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

async function look(call: Call, timeoutMs: number): Promise<Exclude<HealthFact, { kind: "unknown" }>> {
  const start = monotonicMs();
  const spent = () => monotonicMs() - start;
  const lease = await readLease(call, timeoutMs);
  if (!lease.ok) return { kind: "down", ms: spent(), attempts: 1, cause: lease.error };
  const view = lease.value.status === 200 ? parse(ClusterView, lease.value.body) : null;
  if (view !== null) return { kind: "lease", ms: spent(), view };
  const whyNot = unavailableIn(lease.value);
  if (whyNot !== null) return { kind: "down", ms: spent(), attempts: 1, cause: `answers 503 ${whyNot}` };
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
  const said = unavailableIn(answer.value) ?? body.slice(0, 200).trim();
  return { kind: "no-answer", cause: `the health service answered ${status} ${said}` };
}

/** Why a service that keeps a lease cannot say now how it stands; null of all other answers: other servers answer 503, too. */
const unavailableIn = ({ status, body }: Answer): string | null =>
  status === 503 ? (parse(z.object({ error: z.string() }), body)?.error ?? null) : null;

function toReportFact(answer: Result<Answer, string>): ReportFact {
  if (!answer.ok) return { kind: "no-answer", cause: answer.error };
  const { status, body } = answer.value;
  const refused = status === 409 ? parse(NodeRefused, body) : null;
  if (refused !== null) return { kind: "duplicate-name", message: refused.message };
  const noted = status === 200 ? parse(NodeNoted, body) : null;
  return noted === null
    ? { kind: "no-answer", cause: `answered ${status}` }
    : { kind: "noted", instance: noted.instance, hasDuplicate: noted.namesake, epoch: noted.epoch };
}

/** What `read` makes of a body that came with a 200. */
function expect200<T>(answer: Result<Answer, string>, read: (body: string) => T | null): Result<T, string> {
  if (!answer.ok) return answer;
  const { status, body } = answer.value;
  const value = status === 200 ? read(body) : null;
  return value === null ? err(`answered ${status} ${body.slice(0, 200).trim()}`) : ok(value);
}

/** What the JSON text holds; null where it has another shape. */
export function parse<T>(schema: z.ZodMiniType<T>, text: string): T | null {
  try {
    return z.safeParse(schema, JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
