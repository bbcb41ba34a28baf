import { readEnvironment } from "../../common/environment.ts";
import type { Failure } from "../../common/failure.ts";
import { readText } from "../../common/files.ts";
import { pinOf } from "../../common/net/pinned-tls.ts";
import { type JoinToken, parseJoinToken } from "../../common/protocol/join-token.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { OwnInterface } from "../config/identity.ts";
import { probeLocal } from "../config/local.ts";
import type { Users } from "../config/users.ts";
import { VARIABLES, type Values } from "../config/variables.ts";
import type { Event } from "../output/event.ts";
import type { StopRequest } from "../stop-request.ts";
import { chooseAddress, type OwnAddress } from "./address.ts";
import { readCards } from "./cards.ts";
import { askToJoin, findService } from "./join.ts";
import { Member } from "./member.ts";
import { hashOf, type Membership, MembershipFile } from "./membership.ts";
import { findContradictions, overlay, type Told } from "./overlay.ts";
import { stateDirOf } from "./state-dir.ts";

/** What a node knows of itself before its configuration is read. */
export interface Newcomer extends Told {
  readonly hostname: string;
  readonly who: Users;
  /** Undefined where they are not known. */
  readonly interfaces: readonly OwnInterface[] | undefined;
  readonly stopRequest: StopRequest;
  readonly log: (event: Event) => void;
}

/** Reads this node's membership, or joins with its token; the member may be one that was removed. */
export async function enter(newcomer: Newcomer): Promise<Result<Member, Failure>> {
  const stateDir = stateDirOf(newcomer.env);
  const file = new MembershipFile(stateDir, newcomer.who.becomes);
  const kept = file.read();
  const entered = await becomeMember(newcomer, kept, file.rayTokenPath);
  if (!entered.ok) return entered;
  const membership = entered.value;
  if (membership.removed !== undefined) return ok(new Member(membership, newcomer, file));
  try {
    if (JSON.stringify(membership) !== JSON.stringify(kept)) file.write(membership);
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    return err({ reason: "membership-unwritable", folder: stateDir, code });
  }
  return ok(new Member(membership, overlay(membership, file.rayTokenPath, stateDir, newcomer), file));
}

/** A member that was removed joins again only with another token than the one that it had. */
async function becomeMember(
  newcomer: Newcomer,
  kept: Membership | undefined,
  rayTokenPath: string,
): Promise<Result<Membership, Failure>> {
  if (kept !== undefined && kept.removed === undefined) return comeBack(newcomer, kept, rayTokenPath);
  const token = readToken(newcomer);
  const isSame = token.ok && hashOf(token.value.secret) === kept?.joinedWith;
  if (kept !== undefined && (isSame || !token.ok)) return ok(kept);
  return token.ok ? join(newcomer, token.value) : token;
}

/** From RAY_EP_JOIN, else from the file. */
function readToken({ env }: Told): Result<JoinToken, Failure> {
  const given = env.RAY_EP_JOIN?.trim();
  const from = given ? "RAY_EP_JOIN" : "the file of RAY_EP_JOIN_FILE";
  const text = given || readText(env.RAY_EP_JOIN_FILE?.trim() ?? "");
  const token = text === null ? err("expected a file that this user can read") : parseJoinToken(text);
  return token.ok ? token : err({ reason: "bad-join-token", from, problem: token.error });
}

/** The settings, as far as they concern how a node joins; all that is wrong with them at once. */
function readSettings(told: Told, member: Membership | null, rayTokenPath = ""): Result<Values, Failure> {
  // What a membership says need not be there yet.
  const env = { ...told.env, HEAD_WHITELIST: undefined };
  const { values, problems } = readEnvironment(VARIABLES, env);
  const all = [...problems, ...findContradictions(member, rayTokenPath, told)];
  return all.length > 0 ? err({ reason: "bad-configuration", problems: all }) : ok(values);
}

/** Its address may have changed since; where nobody answers it is what it was. */
async function comeBack(newcomer: Newcomer, kept: Membership, rayTokenPath: string) {
  const settings = readSettings(newcomer, kept, rayTokenPath);
  if (!settings.ok) return settings;
  const { NODE_IP_ADDRESS, RAY_EP_INTERFACE } = settings.value;
  const { interfaces = [] } = newcomer;
  const isWished = NODE_IP_ADDRESS !== null || RAY_EP_INTERFACE !== null;
  const isStill = interfaces.length === 0 || interfaces.some(({ address }) => address === kept.address);
  const found = isWished || isStill ? null : await findService(kept.services, pinOf(kept.ca));
  if (found?.ok === false) return found;
  const own = ownAddress(newcomer, settings.value, found?.value.localAddress ?? kept.address);
  return own.ok ? ok({ ...kept, ...own.value }) : own;
}

async function join(newcomer: Newcomer, token: JoinToken): Promise<Result<Membership, Failure>> {
  const { env, who, stopRequest, log } = newcomer;
  const settings = readSettings(newcomer, null);
  if (!settings.ok) return settings;
  const local = await probeLocal(who, settings.value, env, stopRequest.asked);
  if (!local.ok) return local;
  const { version, python } = local.value.ray;
  const found = await findService(token.services, token.pin);
  if (!found.ok) return found;
  const own = ownAddress(newcomer, settings.value, found.value.localAddress);
  if (!own.ok) return own;
  const joined = await askToJoin(found.value, {
    secret: token.secret,
    node: settings.value.RAY_EP_NODE_NAME ?? newcomer.hostname,
    address: own.value.address,
    candidate: settings.value.RAY_EP_CANDIDATE,
    ray: version ?? "unknown",
    python: python ?? "unknown",
  });
  if (!joined.ok) return joined;
  log({ type: "joined", cluster: joined.value.cluster.name, member: joined.value.member });
  return ok({ ...joined.value, ...own.value, ca: found.value.ca, joinedWith: hashOf(token.secret) });
}

/** Says what it chose, and what else there was. */
function ownAddress(
  { interfaces = [], log }: Newcomer,
  { NODE_IP_ADDRESS: given, RAY_EP_INTERFACE: named }: Values,
  localEnd: string,
): Result<OwnAddress, Failure> {
  const cards = readCards(interfaces);
  const own = chooseAddress({ given, interface: named, localEnd }, cards);
  if (own.ok) log({ type: "own-address", ...own.value, cards });
  return own;
}
