import type { Failure } from "../../common/failure.ts";
import type { Answer } from "../../common/net/http.ts";
import { findLeader } from "../../common/net/leader.ts";
import type { Pinned } from "../../common/net/pinned-tls.ts";
import { Joined, JoinRefused, type JoinRequest } from "../../common/protocol/join-protocol.ts";
import type { JoinToken } from "../../common/protocol/join-token.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { probeLocal } from "../config/local.ts";
import { parse } from "../lease/health-client.ts";
import { shown } from "./address.ts";
import { readCards } from "./cards.ts";
import { hashOf, type Membership } from "./membership.ts";
import { type Newcomer, ownAddress, readSettings } from "./newcomer.ts";

/** A member again, at the address under which the others know it: nobody is asked. */
export function comeBack(
  { log, ...told }: Newcomer,
  kept: Membership,
  rayTokenPath: string,
): Result<Membership, Failure> {
  const settings = readSettings(told, kept, rayTokenPath);
  if (!settings.ok) return settings;
  const own = ownAddress(settings.value, kept.address, log);
  const isGone = own.ok
    ? own.value.address !== kept.address
    : own.error.reason === "wrong-address" && own.error.problem === "not-ours";
  if (isGone) return err({ reason: "moved", address: kept.address, cards: readCards().map(shown) });
  return own.ok ? ok({ ...kept, ...own.value }) : own;
}

/** A new member, which nobody has reached yet. */
export async function join(newcomer: Newcomer, token: JoinToken): Promise<Result<Membership, Failure>> {
  const { env, who, stopRequest, log, hostname } = newcomer;
  const settings = readSettings(newcomer);
  if (!settings.ok) return settings;
  const local = await probeLocal(who, settings.value, env, stopRequest.asked);
  if (!local.ok) return local;
  const { version, python } = local.value.ray;
  const found = await findService(token.services, token.pin);
  if (!found.ok) return found;
  const own = ownAddress(settings.value, found.value.localAddress, log);
  if (!own.ok) return own;
  const joined = await askToJoin(found.value, token.services, {
    secret: token.secret,
    node: settings.value.RAY_EP_NODE_NAME ?? hostname,
    address: own.value.address,
    candidate: settings.value.RAY_EP_CANDIDATE,
    ray: version ?? "unknown",
    python: python ?? "unknown",
  });
  if (!joined.ok) return joined;
  return ok({ ...joined.value, ...own.value, ca: found.value.ca, joinedWith: await hashOf(token.secret) });
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

/** Exchanges the token's secret for a membership, at the service that decides: no other one is told the secret. */
async function askToJoin(
  { ca }: Pinned,
  services: readonly string[],
  request: JoinRequest,
): Promise<Result<Joined, Failure>> {
  const { secureCall } = await import("../../common/net/pinned-tls.ts");
  const at = secureCall(ca, null);
  const leader = await findLeader(services, at, TIMEOUT_MS);
  if (!leader.ok) return err({ reason: "no-health-service", causes: leader.error });
  const answer = await at(leader.value)("POST", "/v1/join", TIMEOUT_MS, request);
  if (!answer.ok) return err({ reason: "no-health-service", causes: [answer.error] });
  return readJoined(answer.value, leader.value);
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
