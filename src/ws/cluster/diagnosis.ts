import { type NodeStatus, parseStatus, UNKNOWN_MEMBER } from "../../common/protocol/node-status.ts";
import { TEST_WORKER_NAME } from "../config/settings.ts";
import { DISK_FULL, likelyCause, PORT_IN_USE, TOKENS_DIFFER, VERSIONS_DIFFER } from "../drivers/causes.ts";
import type { Driver } from "../drivers/driver.ts";
import type { Service } from "../drivers/service.ts";
import type { WsFailure } from "../failure.ts";
import { statusOf } from "./snapshot.ts";

const LAST_LINES = 20;

/** Why a service ended before it was ready. Its log is kept. */
export async function ended(
  driver: Driver,
  node: string,
  how: string,
  service: Service | undefined,
): Promise<WsFailure> {
  const found = await diagnose(driver, node, service, { tail: LAST_LINES }, [how]);
  const log = await driver.keepLog(node, service, how);
  const exitCode = driver.cluster && (await exitCodeOf(driver, (service ?? driver.absent(node)).ref));
  return { reason: "node-ended", how, ...found, log, ...(exitCode === undefined ? {} : { exitCode }) };
}

/** Of a machine of several it is the answer to `ws join`: the fault is here (78) or elsewhere (75). It may run again since. */
async function exitCodeOf(driver: Driver, ref: string): Promise<number | undefined> {
  const { failure, fault } = parseStatus(await driver.status(ref)) ?? {};
  return failure?.exitCode ?? fault?.exitCode;
}

interface Waiting {
  readonly node: string;
  readonly why: string;
  readonly service: Service | undefined;
}

/** Why those that run are not ready. */
export async function tooLate(
  driver: Driver,
  waiting: readonly Waiting[],
  timeoutMs: number,
): Promise<WsFailure> {
  const missing = waiting.map(async ({ node, why, service }) => ({
    why,
    ...(await diagnose(driver, node, service, { since: service && new Date(service.startedAtMs) })),
  }));
  return { reason: "not-ready-in-time", timeoutMs, missing: await Promise.all(missing) };
}

async function diagnose(
  driver: Driver,
  node: string,
  service: Service | undefined,
  part: Parameters<Driver["log"]>[1],
  how: readonly string[] = [],
) {
  const lines = await driver.log((service ?? driver.absent(node)).ref, part);
  const cause = causeOf(await statusOf(driver, node, service), [...how, ...lines]);
  return { node, lines: lines.slice(-LAST_LINES), cause };
}

const NO_USER = "the image has no user of that name; set RAY_EP_USER";

/** By the reason of a node's failure or fault. What Ray alone can know (`ray-exited`) its own words show. */
const REASONS: Readonly<Record<string, string>> = {
  "port-taken": PORT_IN_USE,
  "disk-full": DISK_FULL,
  "store-failed":
    "the kept state of the cluster cannot be used; make room on its disk, or give it up: ws reset-state NODE",
  "no-such-user": NO_USER,
  "wrong-user": NO_USER,
  "version-differs": VERSIONS_DIFFER,
  unauthorized: TOKENS_DIFFER,
};

/** The likely cause of a node's end or delay: from what it says of itself, and from its last words. Pure. */
export function causeOf(status: NodeStatus | undefined, lines: readonly string[]): string | undefined {
  if (status === undefined) return likelyCause(lines);
  const { failure, fault } = status;
  return (
    REASONS[failure?.reason ?? ""] ?? likelyCause(lines) ?? whyLate(status) ?? REASONS[fault?.reason ?? ""]
  );
}

/** Why a node that has no role yet is late: the first that holds counts. */
const LATE: readonly ((status: NodeStatus) => string | undefined)[] = [
  ({ waits }) =>
    waits?.kind === UNKNOWN_MEMBER
      ? "the cluster's health service does not know this machine any more: ws leave, then ws join TOKEN"
      : undefined,
  // The test worker is to be outside.
  ({ node, whitelist, place }) =>
    place === null && whitelist.length > 0 && node !== TEST_WORKER_NAME
      ? `its hostname ${node} and nodes.head_whitelist (${whitelist.join(", ")}) differ, so that it waits for a HEAD; make both the same`
      : undefined,
  ofHeads(
    ["unresolved"],
    (at) => `the name of its HEAD ${at} does not resolve; correct extra_hosts or nodes.head_address`,
  ),
  ofHeads(
    ["unreachable", "timeout-connect"],
    (at) =>
      `its HEAD ${at} is out of reach; check host.ip_address, the addresses in extra_hosts and the firewall`,
  ),
  ofHeads(
    ["not-ray", "timeout-answer"],
    (at) => `what listens at ${at} is no HEAD; stop it, or set another head_port in config.yaml`,
  ),
  ({ waits }) =>
    waits?.kind === "lease-holder"
      ? `${waits.node} holds the head lease and does not serve; its log says why`
      : undefined,
  ({ health }) =>
    health?.kind === "down"
      ? `the health service ${health.url} does not answer, and without it only the first candidate may lead`
      : undefined,
  ofHeads(["refused"], (at) => `no HEAD serves at ${at}; look at that node's log first`),
];

function ofHeads(answers: readonly string[], cause: (at: string) => string): (typeof LATE)[number] {
  return ({ heads }) => {
    const head = heads.find(({ answer }) => answers.includes(answer));
    return head && cause(head.address);
  };
}

/** A dial-back that says nothing of this node's own ports. */
const UNTOLD = ["reached", "busy", "not-known"];

function whyLate(status: NodeStatus): string | undefined {
  const { reach, decision } = status;
  if (reach !== null && !UNTOLD.includes(reach.result))
    return `the others cannot reach it at ${reach.at} (${reach.result}); its log says which mapping is missing`;
  return decision === null ? LATE.map((cause) => cause(status)).find(Boolean) : undefined;
}
