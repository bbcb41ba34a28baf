import { connect } from "node:net";
import { lookup, lookupsUnderWay } from "../common/lookup.ts";
import type { DialBackAnswer, DialBackRequest } from "../common/protocol/join-protocol.ts";
import type { ReachAnswer, ReachRequest } from "../common/protocol/reach-protocol.ts";
import type { Registry } from "./registry.ts";

/** Ray's ports are above these. */
const MIN_PORT = 1024;
/** The look-up of a silent name goes on after its dial; as many are left for the names of the whitelist (lookup.ts). */
const MAX_LOOKUPS = 16;

/**
 * The dial-back of `POST /v1/reach`: only for a node that reported in this run and from this address, only to the name that it
 * advertises and a port that it reported, within the budget. Never rejects. `trusted`: writes need a token or a credential,
 * and whoever has it is told what a name resolves to, and may have many targets.
 */
export function createReach(find: Registry["find"], trusted: boolean, now: () => number, timeoutMs = 2000) {
  const whyOverBudget = createDialBudget(trusted, now);
  return async ({ node, life, port, nonce }: ReachRequest, peer: string): Promise<ReachAnswer> => {
    const report = find(node, life, peer);
    if (report === undefined) return noDial("not-known", `${node} has not reported in this run from ${peer}`);
    const { advertise, nodeManagerPort, ports = [] } = report;
    if (advertise === null) return noDial("not-known", "this node reported no name that it advertises");
    if (port < MIN_PORT) return noDial("not-known", `expected a port from ${MIN_PORT}, got ${port}`);
    if (![nodeManagerPort, ...ports].includes(port))
      return noDial("not-known", `this node did not report port ${port} as its own`);
    const target = `${advertise}:${port}`.toLowerCase();
    const over = whyOverBudget({ node: node.toLowerCase(), peer, target });
    if (over !== null) return noDial("busy", over);
    const answer = await dial(advertise, port, nonce, timeoutMs);
    return trusted ? answer : { ...answer, address: null };
  };
}

const noDial = (result: "not-known" | "busy", message: string): ReachAnswer => {
  return { result, message, from: null, to: null, address: null };
};

/**
 * The dial-back of `POST /v1/dial-back`, before a member's Ray runs: several ports of the address under which it joined, all at
 * once, within the budget. Never rejects.
 */
export function createDialBack(now: () => number, timeoutMs = 2000) {
  const whyOverBudget = createDialBudget(true, now);
  return async (
    { ports, nonce }: DialBackRequest,
    { name, address }: { readonly name: string; readonly address: string },
  ): Promise<DialBackAnswer> => {
    const over = whyOverBudget({ node: name.toLowerCase(), peer: name, target: address });
    const dialOne = async (port: number): Promise<ReachAnswer> => {
      if (port < MIN_PORT) return noDial("not-known", `expected a port from ${MIN_PORT}, got ${port}`);
      return over === null ? dial(address, port, nonce, timeoutMs) : noDial("busy", over);
    };
    return { answers: await Promise.all(ports.map(dialOne)) };
  };
}

/** Longer than a dial takes, so that there is one at a time for each node. */
const NODE_RESTS_MS = 3000;
const MINUTE_MS = 60_000;
const MAX_A_MINUTE = 120;
/** A node has one or two, and a few nodes may share an address behind NAT. A scanner needs thousands. */
const MAX_TARGETS_OF_A_PEER = 32;

/** The service scans no network for strangers. Why a dial may not be made; null: it may, and then it counts. */
function createDialBudget(trusted: boolean, now: () => number) {
  /** Those of the last hour, each to a target (host:port). */
  let dials: { node: string; peer: string; target: string; atMs: number }[] = [];
  return (dial: Readonly<Record<"node" | "peer" | "target", string>>): string | null => {
    if (lookupsUnderWay() >= MAX_LOOKUPS) return "other names are being looked up; ask again";
    const nowMs = now();
    const lately = (ms: number) => dials.filter(({ atMs }) => nowMs - atMs < ms);
    dials = lately(60 * MINUTE_MS);
    const targets = new Set(dials.flatMap(({ peer, target }) => (peer === dial.peer ? [target] : [])));
    if (lately(NODE_RESTS_MS).some(({ node }) => node === dial.node))
      return `this node was dialled less than ${NODE_RESTS_MS / 1000} s ago; ask again`;
    if (lately(MINUTE_MS).length >= MAX_A_MINUTE)
      return `there were ${MAX_A_MINUTE} dials within a minute; ask again`;
    if (!trusted && targets.size >= MAX_TARGETS_OF_A_PEER && !targets.has(dial.target))
      return `${dial.peer} has asked for ${MAX_TARGETS_OF_A_PEER} targets within an hour, and writes are open`;
    dials = [...dials, { ...dial, atMs: nowMs }];
    return null;
  };
}

type Outcome = readonly [result: ReachAnswer["result"], message: string];

/** Connects to a node and reads the nonce there, or tells what it met instead. */
function dial(host: string, port: number, nonce: string, timeoutMs: number): Promise<ReachAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, lookup }).setEncoding("utf8");
    let from: string | null = null;
    let address: string | null = null;
    let received = "";
    const end = ([result, message]: Outcome) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ result, message, from, to: `${host}:${port}`, address });
    };
    const timer = setTimeout(() => {
      const phase = socket.connecting ? "no connection" : "connected, but no answer";
      end(["timeout", `${phase} within ${timeoutMs} ms`]);
    }, timeoutMs);
    const judge = () => end(received.trimEnd() === nonce ? REACHED : OTHER);
    socket.on("lookup", (_error, ip) => {
      address = ip || null;
    });
    socket.on("connect", () => {
      from = socket.localAddress ?? null;
      address = socket.remoteAddress ?? address;
    });
    socket.on("data", (text) => {
      received += text;
      if (received.length >= nonce.length) judge();
    });
    socket.on("end", judge);
    socket.on("error", ({ code = "", message }: NodeJS.ErrnoException) =>
      end(OUTCOMES[code] ?? ["no-route", `cannot be reached from here (${code || message})`]),
    );
  });
}

const REACHED: Outcome = ["reached", "the node answered"];
const OTHER: Outcome = ["wrong-answer", "something else listens there, or the port leads to another node"];
const CLOSED: Outcome = ["wrong-answer", "the connection was closed at once"];
const OUTCOMES: Readonly<Record<string, Outcome>> = {
  ECONNREFUSED: ["refused", "nothing listens there"],
  ENOTFOUND: ["name-not-found", "the name does not resolve here (ENOTFOUND)"],
  EAI_AGAIN: ["name-not-found", "the name does not resolve here (EAI_AGAIN)"],
  ECONNRESET: CLOSED,
  EPIPE: CLOSED,
  ETIMEDOUT: ["timeout", "no connection"],
};
