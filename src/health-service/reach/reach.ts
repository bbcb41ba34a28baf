import { connect, type Socket } from "node:net";
import type { NodeReport, ReachAnswer, ReachRequest } from "../../common/lease-protocol.ts";
import { lookup, lookupsUnderWay } from "../../common/lookup.ts";
import { DialBudget } from "./dial-budget.ts";

export interface ReachSettings {
  readonly timeoutMs: number;
  /** The report of a living node, if this life of it is known and reported from this peer. */
  readonly find: (node: string, life: string, peer: string) => NodeReport | null;
  /** True where writes need a token: whoever has it is told what a name resolves to, and may have many targets. */
  readonly trusted: boolean;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
}

/** Ray's ports are above these; a service behind a lower one is never asked of us by an honest node. */
const LOWEST_PORT = 1024;
/** Dials at once, of all nodes together: a thousand nodes that start at once wait for each other. */
const MOST_DIALS = 32;
/** A dial ends in time, but the look-up of a silent name goes on; as many are left for the names of the whitelist (lookup.ts). */
const MOST_LOOKUPS = 16;

/**
 * Makes the dial-back of `POST /v1/reach`: dials only for a node that reported in this life and from this address, only
 * the name that it advertises and a port that it reported, within the budget, and tells the answer apart only by the
 * nonce. Never rejects.
 */
export function createReach(
  settings: ReachSettings,
): (request: ReachRequest, peer: string) => Promise<ReachAnswer> {
  const { find, trusted, now, timeoutMs } = settings;
  const busy = new Set<string>();
  const budget = new DialBudget({ now, trusted });
  return async ({ node, life, port, nonce }, peer) => {
    const report = find(node, life, peer);
    const refusal =
      report === null ? `${node} has not reported in this life from ${peer}` : whyNot(report, port);
    if (refusal !== null || report?.advertise == null)
      return noDial("not-known", refusal ?? "nothing advertised");
    const key = node.toLowerCase();
    if (busy.has(key) || busy.size >= MOST_DIALS || lookupsUnderWay() >= MOST_LOOKUPS)
      return noDial("busy", "another dial is under way; ask again");
    const target = `${report.advertise.toLowerCase()}:${port}`;
    const over = budget.take({ node: key, peer, target });
    if (over !== null) return noDial("busy", over);
    busy.add(key);
    try {
      const answer = await dial(report.advertise, port, nonce, timeoutMs);
      return trusted ? answer : { ...answer, address: null };
    } finally {
      busy.delete(key);
    }
  };
}

function whyNot(report: NodeReport, port: number): string | null {
  if (report.advertise === null) return "this node reported no name that it advertises";
  if (port < LOWEST_PORT) return `expected a port from ${LOWEST_PORT}, got ${port}`;
  return report.nodeManagerPort === port || report.ports?.includes(port)
    ? null
    : `this node did not report port ${port} as its own`;
}

const noDial = (result: "not-known" | "busy", message: string): ReachAnswer => ({
  result,
  message,
  from: null,
  to: null,
  address: null,
});

type Outcome = Pick<ReachAnswer, "result" | "message">;

function dial(host: string, port: number, nonce: string, timeoutMs: number): Promise<ReachAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, lookup });
    let from: string | null = null;
    let address: string | null = null;
    let heard = "";
    const end = ({ result, message }: Outcome) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ result, message, from, to: `${host}:${port}`, address });
    };
    const timer = setTimeout(() => end(tooLate(socket, timeoutMs)), timeoutMs);
    socket.setEncoding("utf8");
    socket.on("lookup", (_error, ip) => {
      address = ip || null;
    });
    socket.on("connect", () => {
      from = socket.localAddress ?? null;
      address = socket.remoteAddress ?? address;
    });
    socket.on("data", (text: string) => {
      heard += text;
      if (heard.length >= nonce.length) end(judge(heard, nonce));
    });
    socket.on("end", () => end(judge(heard, nonce)));
    socket.on("error", (error: NodeJS.ErrnoException) => end(explain(error)));
  });
}

function judge(heard: string, nonce: string): Outcome {
  return heard.trimEnd() === nonce
    ? { result: "reached", message: "the node answered" }
    : { result: "wrong-answer", message: "something else listens there, or the port leads to another node" };
}

function tooLate(socket: Socket, timeoutMs: number): Outcome {
  const phase = socket.connecting ? "no connection" : "connected, but no answer";
  return { result: "timeout", message: `${phase} within ${timeoutMs} ms` };
}

function explain(error: NodeJS.ErrnoException): Outcome {
  const code = error.code ?? "";
  if (code === "ECONNREFUSED") return { result: "refused", message: "nothing listens there" };
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return { result: "name-not-found", message: `the name does not resolve here (${code})` };
  if (code === "ECONNRESET" || code === "EPIPE")
    return { result: "wrong-answer", message: "the connection was closed at once" };
  if (code === "ETIMEDOUT") return { result: "timeout", message: "no connection" };
  return { result: "no-route", message: `cannot be reached from here (${code || error.message})` };
}
