import { join } from "node:path";
import { readEnvironment } from "../../common/environment.ts";
import type { Failure } from "../../common/failure.ts";
import { readText } from "../../common/files.ts";
import { type JoinToken, parseJoinToken } from "../../common/protocol/join-token.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { Users } from "../config/users.ts";
import { VARIABLES, type Values } from "../config/variables.ts";
import type { Event } from "../output/event.ts";
import type { StopRequest } from "../stop-request.ts";
import { chooseAddress, type OwnAddress } from "./address.ts";
import { readCards } from "./cards.ts";
import { hashOf, type Membership } from "./membership.ts";
import { findContradictions, type Told } from "./overlay.ts";
import { RAY_TOKEN, stateDirOf } from "./state-dir.ts";

/** What a node knows of itself before its configuration is read. */
export interface Newcomer extends Told {
  readonly hostname: string;
  readonly who: Users;
  readonly stopRequest: StopRequest;
  readonly log: (event: Event) => void;
}

/** What a node is before anything is asked. */
export type Standing =
  | { readonly kind: "member" | "removed"; readonly kept: Membership }
  | { readonly kind: "newcomer"; readonly token: JoinToken };

/** A member that was removed joins again only with another token than the one that it had. */
export async function standingOf(
  told: Told,
  kept: Membership | undefined,
): Promise<Result<Standing, Failure>> {
  if (kept !== undefined && kept.removed === undefined) return ok({ kind: "member", kept });
  const token = readToken(told);
  const isUsed = token.ok && (await hashOf(token.value.secret)) === kept?.joinedWith;
  if (kept !== undefined && (isUsed || !token.ok)) return ok({ kind: "removed", kept });
  return token.ok ? ok({ kind: "newcomer", token: token.value }) : token;
}

const UNREADABLE = "expected a file that this user can read";
const EMPTIED =
  "it is empty, as ws leaves it after a join, and this node has lost its membership with its state folder; ws leave, then ws join with the word of ws token --replace NAME";

/** From RAY_EP_JOIN, else from the file. */
function readToken({ env }: Told): Result<JoinToken, Failure> {
  const given = env.RAY_EP_JOIN?.trim();
  const from = given ? "RAY_EP_JOIN" : "the file of RAY_EP_JOIN_FILE";
  const text = given || readText(env.RAY_EP_JOIN_FILE?.trim() ?? "");
  const token = text?.trim() ? parseJoinToken(text) : err(text === null ? UNREADABLE : EMPTIED);
  return token.ok ? token : err({ reason: "bad-join-token", from, problem: token.error });
}

/** The settings, as far as they concern how a node joins; all that is wrong with them at once. */
export function readSettings(
  told: Told,
  member?: Membership,
  rayTokenPath = join(stateDirOf(told.env), RAY_TOKEN),
): Result<Values, Failure> {
  // What a membership says need not be there yet.
  const env = { ...told.env, HEAD_WHITELIST: undefined };
  const { values, problems } = readEnvironment(VARIABLES, env);
  const all = [...problems, ...findContradictions(member ?? null, rayTokenPath, told)];
  return all.length > 0 ? err({ reason: "bad-configuration", problems: all }) : ok(values);
}

/** `localEnd`: of a connection to the health service. Says what it chose, and what else there was. */
export function ownAddress(
  { NODE_IP_ADDRESS: given, RAY_EP_INTERFACE: named }: Values,
  localEnd: string,
  log: Newcomer["log"],
): Result<OwnAddress, Failure> {
  const cards = readCards();
  const own = chooseAddress({ given, interface: named, localEnd }, cards);
  if (own.ok) log({ type: "own-address", ...own.value, cards });
  return own;
}
