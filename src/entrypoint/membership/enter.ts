import { readEnvironment } from "../../common/environment.ts";
import type { Failure } from "../../common/failure.ts";
import { readText } from "../../common/files.ts";
import type { Call } from "../../common/net/http.ts";
import { pinOf, secureCall } from "../../common/net/pinned-tls.ts";
import { type JoinToken, parseJoinToken } from "../../common/protocol/join-token.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { probeLocal } from "../config/local.ts";
import type { Users } from "../config/users.ts";
import { VARIABLES, type Values } from "../config/variables.ts";
import type { Event } from "../output/event.ts";
import type { StopRequest } from "../stop-request.ts";
import { chooseAddress, type OwnAddress } from "./address.ts";
import { readCards } from "./cards.ts";
import { passGate } from "./gate.ts";
import { askToJoin, findService } from "./join.ts";
import { Member } from "./member.ts";
import { hashOf, type Membership, MembershipFile } from "./membership.ts";
import { findContradictions, overlay, type Told } from "./overlay.ts";
import { stateDirOf } from "./state-dir.ts";

/** What a node knows of itself before its configuration is read. */
export interface Newcomer extends Told {
  readonly hostname: string;
  readonly who: Users;
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
  const isNew = membership.credential !== kept?.credential;
  const obstacle = keep(membership, file, stateDir) ?? (await passed(membership, newcomer, isNew));
  if (obstacle === null)
    return ok(new Member(membership, overlay(membership, file.rayTokenPath, stateDir, newcomer), file));
  if (isNew) await giveBack(membership, file);
  return err(obstacle);
}

function keep(membership: Membership, file: MembershipFile, folder: string): Failure | null {
  try {
    file.write(membership);
    return null;
  } catch (error) {
    return {
      reason: "membership-unwritable",
      folder,
      code: (error as NodeJS.ErrnoException).code ?? "unknown",
    };
  }
}

/** Why its Ray could not work. Once it has been a member, a service that gives no answer stops nobody. */
async function passed(member: Membership, { log }: Newcomer, isNew: boolean) {
  const network = readCards().find(({ address }) => address === member.address)?.network ?? member.address;
  const failure = await passGate({ member, network, call: callOf(member), log });
  const isUnclear = failure?.reason === "no-health-service" || failure?.reason === "join-unclear";
  if (failure === null || !isUnclear || isNew) return failure;
  log({ type: "gate-unclear", failure });
  return null;
}

const callOf = ({ ca, member, credential, services }: Membership): Call =>
  secureCall(ca, `${member}:${credential}`)(services[0] ?? "");

const GIVE_BACK_TIMEOUT_MS = 3000;

/** A join that fails leaves nothing: neither here nor in the cluster. */
async function giveBack(member: Membership, file: MembershipFile): Promise<void> {
  await callOf(member)("DELETE", `/v1/members/${encodeURIComponent(member.member)}`, GIVE_BACK_TIMEOUT_MS);
  file.remove();
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
  return token.ok ? join(newcomer, token.value, rayTokenPath) : token;
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
function readSettings(told: Told, member: Membership | null, rayTokenPath: string): Result<Values, Failure> {
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
  const isWished = NODE_IP_ADDRESS !== null || RAY_EP_INTERFACE !== null;
  const isStill = readCards().some(({ address }) => address === kept.address);
  const found = isWished || isStill ? null : await findService(kept.services, pinOf(kept.ca));
  if (found?.ok === false) return found;
  const own = ownAddress(newcomer, settings.value, found?.value.localAddress ?? kept.address);
  return own.ok ? ok({ ...kept, ...own.value }) : own;
}

async function join(
  newcomer: Newcomer,
  token: JoinToken,
  rayTokenPath: string,
): Promise<Result<Membership, Failure>> {
  const { env, who, stopRequest, log } = newcomer;
  const settings = readSettings(newcomer, null, rayTokenPath);
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
  { log }: Newcomer,
  { NODE_IP_ADDRESS: given, RAY_EP_INTERFACE: named }: Values,
  localEnd: string,
): Result<OwnAddress, Failure> {
  const cards = readCards();
  const own = chooseAddress({ given, interface: named, localEnd }, cards);
  if (own.ok) log({ type: "own-address", ...own.value, cards });
  return own;
}
