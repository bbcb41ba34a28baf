import type { Failure } from "../../common/failure.ts";
import { fetchCa, type Pinned, secureCall } from "../../common/net/pinned-tls.ts";
import { Joined, JoinRefused, type JoinRequest } from "../../common/protocol/join-protocol.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { parse } from "../lease/health-client.ts";

const TIMEOUT_MS = 5000;

/** A health service that has proven to be the cluster's. */
export interface Found extends Pinned {
  readonly service: string;
}

/** The first service that answers with the pinned key; the next one is asked where one does not. */
export async function findService(services: readonly string[], pin: string): Promise<Result<Found, Failure>> {
  const causes: string[] = [];
  let other: string | undefined;
  for (const service of services) {
    const found = await fetchCa(service, pin, TIMEOUT_MS);
    if (found.ok) return ok({ ...found.value, service });
    if (found.error.kind === "no-answer") causes.push(found.error.cause);
    else other ??= service;
  }
  return err(
    other === undefined ? { reason: "no-health-service", causes } : { reason: "other-key", service: other },
  );
}

/** Exchanges the token's secret for a membership. */
export async function askToJoin(
  { service, ca }: Found,
  request: JoinRequest,
): Promise<Result<Joined, Failure>> {
  const answer = await secureCall(ca, null)(service)("POST", "/v1/join", TIMEOUT_MS, request);
  if (!answer.ok) return err({ reason: "no-health-service", causes: [answer.error] });
  const { status, body } = answer.value;
  const joined = status === 200 ? parse(Joined, body) : null;
  if (joined !== null) return ok(joined);
  const refused = status === 403 ? parse(JoinRefused, body) : null;
  if (refused !== null) return err({ reason: "join-refused", why: refused.reason, message: refused.message });
  const cause = `it answered ${status} ${body.slice(0, 200).trim()}`;
  return err({ reason: "join-unclear", service, cause });
}
