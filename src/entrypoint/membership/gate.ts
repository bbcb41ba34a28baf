import { isIPv4 } from "node:net";
import { parseAddress } from "../../common/address.ts";
import { deadlineIn, pause } from "../../common/deadline.ts";
import type { Failure } from "../../common/failure.ts";
import { firewallLines, readFirewall } from "../../common/firewall.ts";
import type { Call } from "../../common/net/http.ts";
import { rangesOf } from "../../common/net/port-ranges.ts";
import { DialBackAnswer } from "../../common/protocol/join-protocol.ts";
import type { Holder } from "../../common/protocol/lease-protocol.ts";
import { ClusterView } from "../../common/protocol/report-protocol.ts";
import { err, ok } from "../../common/result.ts";
import { parse } from "../lease/health-client.ts";
import type { Event } from "../output/event.ts";
import { answerWith, TIMEOUT_MS, whyNotAt } from "./dial.ts";
import type { Membership } from "./membership.ts";
import { takenPorts } from "./ports.ts";

export interface Gate {
  readonly member: Membership;
  /** It joins for the first time. Later a HEAD that is away is waited for, as every node does. */
  readonly isNew: boolean;
  /** The network of its address, in which the other machines are: 10.77.0.0/24; else the address of the HEAD. */
  readonly network: string;
  /** To the cluster's health service, with this member's credential. */
  readonly call: Call;
  readonly log: (event: Event) => void;
}

/** What was not found out, so that nobody is stopped by it. */
type Unclear = Extract<Failure, { reason: "no-health-service" | "join-unclear" }>;

/**
 * Whether this member's Ray could work, before anything of it runs: its ports are free, the service reaches it there, and it
 * reaches the HEAD. Null: it could. `join-unclear`, `no-health-service`: nobody could say.
 */
export async function passGate(gate: Gate): Promise<Failure | null> {
  const { member } = gate;
  const ports = await takenPorts(member.address, rangesOf(member.ports, member.candidate));
  if (ports.length > 0) return { reason: "ports-taken", ports };
  return (await isReached(gate)) ?? (gate.isNew ? await reachesHead(gate) : null);
}

/** Nothing depends on wall clocks, but people compare logs by them. */
const CLOCKS_DIFFER_MS = 30_000;
/** The service dials for up to 2 s. */
const DIAL_TIMEOUT_MS = 5000;
/** The service dials one node once in so long. */
const RESTS_MS = 3100;
const TRIES = 3;

/** From the others to this node. */
async function isReached(gate: Gate): Promise<Failure | null> {
  const { address, candidate } = gate.member;
  const { nodeManager, objectManager, workers, gcs } = gate.member.ports;
  const ports = [nodeManager, objectManager, workers[0], ...(candidate ? [gcs] : [])];
  const { randomBytes } = await import("node:crypto");
  const nonce = randomBytes(16).toString("hex");
  const opened = await Promise.all(
    ports.map((port) => answerWith(nonce, isIPv4(address) ? address : "0.0.0.0", port)),
  );
  try {
    for (let tries = 1; ; tries++) {
      const asked = await askForDial(gate, nonce, ports);
      if (!asked.ok) return asked.error;
      const met = asked.value.flatMap(({ result, message }, i) =>
        result === "reached" ? [] : [{ result, text: `${ports[i]} (${message})` }],
      );
      if (met.length === 0) {
        gate.log({ type: "reached", address, ports });
        return null;
      }
      const isBusy = met.some(({ result }) => result === "busy");
      if (isBusy && tries < TRIES && (await pause(RESTS_MS))) continue;
      if (isBusy) return unclear(gate, met.map(({ text }) => text).join("; "));
      return { reason: "not-reached", address, met: met.map(({ text }) => text), lines: linesOf(gate) };
    }
  } finally {
    await Promise.all(opened.map((close) => close()));
  }
}

async function askForDial({ member, call, log }: Gate, nonce: string, ports: readonly number[]) {
  const answer = await call("POST", "/v1/dial-back", DIAL_TIMEOUT_MS, {
    ...{ nonce, ports, address: member.address },
  });
  if (!answer.ok) return err<Unclear>({ reason: "no-health-service", causes: [answer.error] });
  const aheadMs = Date.now() - answer.value.dateMs;
  if (Math.abs(aheadMs) > CLOCKS_DIFFER_MS) log({ type: "clock", aheadMs });
  const { status, body } = answer.value;
  const met = status === 200 ? parse(DialBackAnswer, body) : null;
  return met === null
    ? err(unclear({ member }, `it answered ${status} ${body.slice(0, 200).trim()}`))
    : ok(met.answers);
}

const unclear = ({ member }: Pick<Gate, "member">, cause: string): Unclear => ({
  reason: "join-unclear",
  service: member.services[0] ?? "",
  cause,
});

/** A HEAD's GCS serves some seconds before its raylet listens. */
const REFUSED_FOR_MS = 15_000;
const LOOK_EVERY_MS = 500;
const REFUSED = "ECONNREFUSED";

/** From this node to the HEAD, if there is one. */
async function reachesHead(gate: Gate): Promise<Failure | null> {
  const head = await headOf(gate);
  const at = head === null ? undefined : parseAddress(head.address);
  if (head === null || at?.ok !== true) return null;
  const { host, port } = at.value;
  const { nodeManager, objectManager } = gate.member.ports;
  const deadline = deadlineIn(REFUSED_FOR_MS);
  for (;;) {
    const tried = [port, nodeManager, objectManager].map(
      async (each) => [each, await whyNotAt(host, each)] as const,
    );
    const met = (await Promise.all(tried)).filter(([, why]) => why !== null);
    if (met.length === 0) return null;
    if (met.some(([, why]) => why !== REFUSED) || deadline.expired()) {
      const words = met.map(([each, why]) => `${each} (${why === REFUSED ? "connection refused" : why})`);
      return { reason: "head-not-reached", head: head.node, address: host, met: words, lines: linesOf(gate) };
    }
    await pause(LOOK_EVERY_MS);
  }
}

/** Who leads now, and serves; null where nobody else does, or the service does not say. */
async function headOf({ member, call }: Gate): Promise<Holder | null> {
  const answer = await call("GET", "/v1/head", TIMEOUT_MS);
  const view = answer.ok && answer.value.status === 200 ? parse(ClusterView, answer.value.body) : null;
  const holder = view?.holder ?? null;
  const leads = holder !== null && holder.expiresIn > 0 && holder.clusterId !== null;
  return leads && holder.node !== member.member ? holder : null;
}

const linesOf = ({ member, network }: Gate): string[] =>
  firewallLines(readFirewall(), rangesOf(member.ports, true), network);
