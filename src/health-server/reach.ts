import { connect, type Socket } from "node:net";
import type { NodeReport, ReachAnswer, ReachRequest } from "../common/lease-protocol.ts";

export interface ReachSettings {
  readonly timeoutMs: number;
  /** The report of a living node, if this life of it is known. */
  readonly find: (node: string, life: string) => NodeReport | null;
}

/** Ray's ports are above these; a service behind a lower one is never asked of us by an honest node. */
const LOWEST_PORT = 1024;
/** Dials at once, of all nodes together: a thousand nodes that start at once wait for each other. */
const MOST_DIALS = 32;

/**
 * Makes the dial-back of `POST /v1/reach`: dials only for a node that reported in this life, only the name that it
 * advertises and a port that it reported, one dial at a time each node, and tells the answer apart only by the nonce.
 * Never rejects.
 */
export function createReach(settings: ReachSettings): (request: ReachRequest) => Promise<ReachAnswer> {
  const busy = new Set<string>();
  return async (request) => {
    const report = settings.find(request.node, request.life);
    const refusal =
      report === null ? `${request.node} has not reported in this life` : whyNot(report, request.port);
    if (refusal !== null || report?.advertise == null)
      return noDial("not-known", refusal ?? "nothing advertised");
    const key = request.node.toLowerCase();
    if (busy.has(key) || busy.size >= MOST_DIALS)
      return noDial("busy", "another dial is under way; ask again");
    busy.add(key);
    try {
      return await dial(report.advertise, request.port, request.nonce, settings.timeoutMs);
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
    const socket = connect({ host, port });
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
