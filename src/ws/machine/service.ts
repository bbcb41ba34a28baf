import { join } from "node:path";
import * as z from "zod/mini";
import { readText } from "../../common/files.ts";
import type { Answer, Call } from "../../common/net/http.ts";
import { findLeader, STANDBY } from "../../common/net/leader.ts";
import {
  Members,
  Promoted,
  Rotated,
  Standby,
  Standing,
  TokenMade,
  type TokenRequest,
  TokensRevoked,
} from "../../common/protocol/admin-protocol.ts";
import { ADMIN_FILE, CA_FILE } from "../../common/protocol/join-protocol.ts";
import { attempt, err, ok, type Result } from "../../common/result.ts";
import { TLS_PORT } from "../compose/machine.ts";
import type { Attempt, WsFailure } from "../failure.ts";
import { clusterFolder } from "../state/machine.ts";

/** How a cluster's health services are asked: where they listen (host:port), the CA that signs for them, and what we present. */
export interface Access {
  readonly services: readonly string[];
  readonly ca: string;
  readonly bearer: string;
}

/** Late: a command starts docker before it loads TLS. */
const pinnedTls = () => import("../../common/net/pinned-tls.ts");

type Method = "GET" | "POST" | "DELETE";

/** A service that takes over first asks those that are gone. */
const TIMEOUT_MS = { GET: 3000, POST: 10_000, DELETE: 3000 } as const;

/** Asks the service that decides, and gives the credential to no other one. The error says in one line why none does. */
export async function askService(
  { services, ca, bearer }: Access,
  method: Method,
  path: string,
  body?: object,
): Promise<Result<Answer, string>> {
  const { secureCall } = await pinnedTls();
  const leader = await findLeader(services, secureCall(ca, null), TIMEOUT_MS.GET);
  if (!leader.ok) return err(leader.error.join("; ") || "no health service is known");
  return secureCall(ca, bearer)(leader.value)(method, path, TIMEOUT_MS[method], body);
}

/** Why the end of a membership was not heard; undefined where it was, also before (403). Pure. */
export function whyUntold(answer: Result<Answer, string>): string | undefined {
  if (!answer.ok) return answer.error;
  const { status } = answer.value;
  return status < 300 || status === 403 ? undefined : `it answered ${status}`;
}

/** How the admin of the health service of this machine asks it; undefined where none has been here. */
async function asAdmin(stateDir: string): Promise<Call | undefined> {
  const [ca, bearer] = [CA_FILE, ADMIN_FILE].map((file) =>
    readText(join(clusterFolder(stateDir), file))?.trim(),
  );
  return ca && bearer ? (await pinnedTls()).secureCall(ca, bearer)(`127.0.0.1:${TLS_PORT}`) : undefined;
}

/** Asks the health service of this machine as its admin. `wanted`: what it did not do where it refuses. */
async function askOwn<T>(
  stateDir: string,
  wanted: string,
  schema: z.core.$ZodType<T>,
  ...[method, path, body]: [method: Method, path: string, body?: object]
): Attempt<T> {
  const call = await asAdmin(stateDir);
  if (call === undefined) return err({ reason: "no-authority" });
  const answer = await call(method, path, TIMEOUT_MS[method], body);
  const value = answer.ok && answer.value.status === 200 ? parsed(schema, answer.value) : undefined;
  return value === undefined ? err(whyNot(wanted, answer)) : ok(value);
}

const parsed = <T>(schema: z.core.$ZodType<T>, { body }: Answer): T | undefined =>
  attempt(() => z.parse(schema, JSON.parse(body)));

/** Why a health service did not do what was wanted of it. Pure. */
export function whyNot(what: string, answer: Result<Answer, string>): WsFailure {
  if (!answer.ok) return { reason: "service-refused", what, why: answer.error };
  const { status, body } = answer.value;
  const standby = status === STANDBY ? parsed(Standby, answer.value) : undefined;
  if (standby !== undefined)
    return { reason: "stands-by", what, at: standby.leader, on: standby.on ?? undefined };
  const said = parsed(Refused, answer.value)?.error ?? body.trim().slice(0, 200);
  return { reason: "service-refused", what, why: `${status} ${said}` };
}

const Refused = z.object({ error: z.string() });

/** A new join token. */
export const makeToken = (stateDir: string, asked: TokenRequest): Attempt<TokenMade> =>
  askOwn(stateDir, "make a join token", TokenMade, "POST", "/v1/tokens", asked);

/** Ends every join token. */
export const revokeTokens = (stateDir: string): Attempt<TokensRevoked> =>
  askOwn(stateDir, "end the join tokens", TokensRevoked, "DELETE", "/v1/tokens", {});

/** Gives Ray another token, with which each member restarts its Ray. */
export const rotateRayToken = (stateDir: string): Attempt<Rotated> =>
  askOwn(stateDir, "give Ray another token", Rotated, "POST", "/v1/ray-token", {});

/** Whether the health service of this machine is the one that decides. */
export const readStanding = (stateDir: string): Attempt<Standing> =>
  askOwn(stateDir, "say whether it decides", Standing, "GET", "/v1/leader");

/** Makes it the one that decides. */
export const promote = (stateDir: string): Attempt<Promoted> =>
  askOwn(stateDir, "take over", Promoted, "POST", "/v1/promote", {});

export const readMembers = (stateDir: string): Attempt<Members> =>
  askOwn(stateDir, "list the members", Members, "GET", "/v1/members");

/** Ends a membership, and the join token by which that machine joined. */
export const removeMember = (stateDir: string, name: string): Attempt<TokensRevoked> =>
  askOwn(stateDir, `end the membership of ${name}`, TokensRevoked, "DELETE", `/v1/members/${name}`);
