import { readEnvironment } from "../../common/environment.ts";
import type { Failure } from "../../common/failure.ts";
import { readText } from "../../common/files.ts";
import { type JoinToken, parseJoinToken } from "../../common/protocol/join-token.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { OwnInterface } from "../config/identity.ts";
import { probeLocal } from "../config/local.ts";
import type { Users } from "../config/users.ts";
import { VARIABLES } from "../config/variables.ts";
import type { Event } from "../output/event.ts";
import type { StopRequest } from "../stop-request.ts";
import { chooseAddress } from "./address.ts";
import { askToJoin, findService } from "./join.ts";
import { Member } from "./member.ts";
import { hashOf, type Membership, MembershipFile } from "./membership.ts";
import { overlay, type Told } from "./overlay.ts";
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
  const { env, who } = newcomer;
  const stateDir = stateDirOf(env);
  const file = new MembershipFile(stateDir, who.becomes);
  const kept = file.read();
  const entered =
    kept?.removed === undefined && kept !== undefined ? ok(kept) : await joinAnew(newcomer, file, kept);
  if (!entered.ok) return entered;
  const { problems, ...told } = overlay(entered.value, file.rayTokenPath, stateDir, newcomer);
  if (problems.length > 0) return err({ reason: "bad-configuration", problems });
  return ok(new Member(entered.value, told, file));
}

/** A member that was removed joins again only with another token than the one that it had. */
async function joinAnew(newcomer: Newcomer, file: MembershipFile, removed: Membership | undefined) {
  const token = readToken(newcomer.env);
  if (removed !== undefined && (!token.ok || hashOf(token.value.secret) === removed.joinedWith))
    return ok(removed);
  if (!token.ok) return token;
  const joined = await join(newcomer, token.value);
  if (!joined.ok) return joined;
  try {
    file.write(joined.value);
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    return err({ reason: "membership-unwritable", folder: stateDirOf(newcomer.env), code } as const);
  }
  newcomer.log({ type: "joined", cluster: joined.value.cluster.name, member: joined.value.member });
  return joined;
}

async function join(newcomer: Newcomer, token: JoinToken): Promise<Result<Membership, Failure>> {
  const { env, who, stopRequest, interfaces = [] } = newcomer;
  const { values, problems } = readEnvironment(VARIABLES, env);
  if (problems.length > 0) return err({ reason: "bad-configuration", problems });
  const local = await probeLocal(who, values, env, stopRequest.asked);
  if (!local.ok) return local;
  const { version, python } = local.value.ray;
  const found = await findService(token);
  if (!found.ok) return found;
  const own = chooseAddress(found.value.localAddress, interfaces);
  const joined = await askToJoin(found.value, {
    secret: token.secret,
    node: values.RAY_EP_NODE_NAME ?? newcomer.hostname,
    address: own.address,
    candidate: values.RAY_EP_CANDIDATE,
    ray: version ?? "unknown",
    python: python ?? "unknown",
  });
  if (!joined.ok) return joined;
  return ok({ ...joined.value, ...own, ca: found.value.ca, joinedWith: hashOf(token.secret) });
}

/** From RAY_EP_JOIN, else from the file. */
function readToken(env: Told["env"]): Result<JoinToken, Failure> {
  const given = env.RAY_EP_JOIN?.trim();
  const from = given ? "RAY_EP_JOIN" : "the file of RAY_EP_JOIN_FILE";
  const text = given || readText(env.RAY_EP_JOIN_FILE?.trim() ?? "");
  const token = text === null ? err("expected a file that this user can read") : parseJoinToken(text);
  return token.ok ? token : err({ reason: "bad-join-token", from, problem: token.error });
}
