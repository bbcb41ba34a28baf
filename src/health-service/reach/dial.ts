import { connect } from "node:net";
import { lookup } from "../../common/lookup.ts";
import type { ReachAnswer } from "../../common/protocol/reach.ts";

type Outcome = Pick<ReachAnswer, "result" | "message">;

/** Connects to a node and reads the nonce there, or tells what it met instead. Never rejects. */
export function dial(host: string, port: number, nonce: string, timeoutMs: number): Promise<ReachAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, lookup });
    let from: string | null = null;
    let address: string | null = null;
    let received = "";
    const end = ({ result, message }: Outcome) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ result, message, from, to: `${host}:${port}`, address });
    };
    const timer = setTimeout(() => {
      const phase = socket.connecting ? "no connection" : "connected, but no answer";
      end({ result: "timeout", message: `${phase} within ${timeoutMs} ms` });
    }, timeoutMs);
    socket.setEncoding("utf8");
    socket.on("lookup", (_error, ip) => {
      address = ip || null;
    });
    socket.on("connect", () => {
      from = socket.localAddress ?? null;
      address = socket.remoteAddress ?? address;
    });
    socket.on("data", (text: string) => {
      received += text;
      if (received.length >= nonce.length) end(outcomeOf(received, nonce));
    });
    socket.on("end", () => end(outcomeOf(received, nonce)));
    socket.on("error", (error) => end(explain(error)));
  });
}

const outcomeOf = (received: string, nonce: string): Outcome =>
  received.trimEnd() === nonce
    ? { result: "reached", message: "the node answered" }
    : { result: "wrong-answer", message: "something else listens there, or the port leads to another node" };

function explain({ code = "", message }: NodeJS.ErrnoException): Outcome {
  switch (code) {
    case "ECONNREFUSED":
      return { result: "refused", message: "nothing listens there" };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { result: "name-not-found", message: `the name does not resolve here (${code})` };
    case "ECONNRESET":
    case "EPIPE":
      return { result: "wrong-answer", message: "the connection was closed at once" };
    case "ETIMEDOUT":
      return { result: "timeout", message: "no connection" };
    default:
      return { result: "no-route", message: `cannot be reached from here (${code || message})` };
  }
}
