import { formatAddress, isLoopback, parseAddress } from "../../common/address.ts";
import type { Failure } from "../../common/failure.ts";
import type { Answer } from "../../common/net/http.ts";
import { findLeader } from "../../common/net/leader.ts";
import type { Pinned } from "../../common/net/pinned-tls.ts";
import { Joined, JoinRefused, type JoinRequest } from "../../common/protocol/join-protocol.ts";
import type { JoinToken } from "../../common/protocol/join-token.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { probeLocal } from "../config/local.ts";
import { parse } from "../lease/health-client.ts";
import { type OwnAddress, shown } from "./address.ts";
import { readCards } from "./cards.ts";
import { hashOf, type Membership } from "./membership.ts";
import { type Newcomer, ownAddress, readSettings } from "./newcomer.ts";

/**
 * A member again, at the address under which the others know it, or at the one that the same card has now; the cluster hears of that
 * in the gate. Nobody is asked.
 */
export function comeBack(
  { log, ...told }: Newcomer,
  kept: Membership,
  rayTokenPath: string,
): Result<Membership, Failure> {
  const settings = readSettings(told, kept, rayTokenPath);
  if (!settings.ok) return settings;
  const { NODE_IP_ADDRESS: given, RAY_EP_INTERFACE: named } = settings.value;
  const cards = readCards();
  const isGone = !isLoopback(kept.address) && cards.every(({ address }) => address !== kept.address);
  const card = named ?? (isGone && given === null ? (kept.interface ?? null) : null);
  const own = ownAddress({ ...settings.value, RAY_EP_INTERFACE: card }, kept.address, log);
  if (!own.ok) return isGone ? err({ reason: "moved", address: kept.address, cards: cards.map(shown) }) : own;
  const { address } = own.value;
  if (address === kept.address) return ok({ ...kept, ...own.value });
  log({ type: "moved", from: kept.address, to: address });
  return ok({ ...kept, ...own.value, services: movedWith(kept, address) });
}

/** A health service of the same machine has moved with it. */
const movedWith = ({ services, address: before }: Membership, now: string): string[] =>
  services.map((service) => {
    const at = parseAddress(service);
    return at.ok && at.value.host === before ? formatAddress({ ...at.value, host: now }) : service;
  });

/** Where a machine may join, and as what; nothing was asked of the cluster yet. */
interface Joining {
  readonly ca: string;
  readonly own: OwnAddress;
  /** The service that decides. */
  readonly leader: string;
  readonly request: JoinRequest;
}

/** Looks at this node and at the token's cluster: all that may be wrong before it asks to join. */
export async function prepareJoin(newcomer: Newcomer, token: JoinToken): Promise<Result<Joining, Failure>> {
  const { env, who, stopRequest, log, hostname } = newcomer;
  const settings = readSettings(newcomer);
  if (!settings.ok) return settings;
  const local = await probeLocal(who, settings.value, env, stopRequest.asked);
  if (!local.ok) return local;
  const { version, python } = local.value.ray;
  const found = await findService(token.services, token.pin);
  if (!found.ok) return found;
  const { ca, localAddress } = found.value;
  const own = ownAddress(settings.value, localAddress, log);
  if (!own.ok) return own;
  const { secureCall } = await import("../../common/net/pinned-tls.ts");
  const leader = await findLeader(token.services, secureCall(ca, null), TIMEOUT_MS);
  if (!leader.ok) return err({ reason: "no-health-service", causes: leader.error });
  const request = {
    secret: token.secret,
    node: settings.value.RAY_EP_NODE_NAME ?? hostname,
    address: own.value.address,
    candidate: settings.value.RAY_EP_CANDIDATE,
    ray: version ?? "unknown",
    python: python ?? "unknown",
  };
  return ok({ ca, own: own.value, leader: leader.value, request });
}

/** A new member, which nobody has reached yet. Only the service that decides is told the token's secret. */
export async function join({ ca, own, leader, request }: Joining): Promise<Result<Membership, Failure>> {
  const { secureCall } = await import("../../common/net/pinned-tls.ts");
  const answer = await secureCall(ca, null)(leader)("POST", "/v1/join", TIMEOUT_MS, request);
  if (!answer.ok) return err({ reason: "no-health-service", causes: [answer.error] });
  const joined = readJoined(answer.value, leader);
  if (!joined.ok) return joined;
  return ok({ ...joined.value, ...own, ca, joinedWith: await hashOf(request.secret) });
}

const TIMEOUT_MS = 5000;

/** The first service that answers with the pinned key; the next one is asked where one does not. */
async function findService(services: readonly string[], pin: string): Promise<Result<Pinned, Failure>> {
  const { fetchCa } = await import("../../common/net/pinned-tls.ts");
  const causes: string[] = [];
  let other: string | undefined;
  for (const service of services) {
    const found = await fetchCa(service, pin, TIMEOUT_MS);
    if (found.ok) return found;
    if (found.error.kind === "no-answer") causes.push(found.error.cause);
    else other ??= service;
  }
  return err(
    other === undefined ? { reason: "no-health-service", causes } : { reason: "other-key", service: other },
  );
}

/** What the service said, or why that is no membership. */
export function readJoined(answer: Answer, service: string): Result<Joined, Failure> {
  const { status, body } = answer;
  const joined = status === 200 ? parse(Joined, body) : null;
  if (joined !== null) return ok(joined);
  const refused = status === 403 ? parse(JoinRefused, body) : null;
  return err(
    refused === null
      ? unclear(answer, service)
      : { reason: "join-refused", why: refused.reason, message: refused.message },
  );
}

/** A 200 holds this member's secrets, also where it is of a version that is not understood here. */
const unclear = ({ status, body }: Answer, service: string): Failure => ({
  reason: "join-unclear",
  service,
  cause:
    status === 200
      ? "it admitted this node, with an answer that is not understood here"
      : `it answered ${status} ${body.slice(0, 200).trim()}`,
});
