import type { Failure } from "../../common/failure.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { Event } from "../output/event.ts";
import { readCards } from "./cards.ts";
import { passGate } from "./gate.ts";
import { comeBack, join } from "./join.ts";
import { Member } from "./member.ts";
import { type Membership, MembershipFile } from "./membership.ts";
import { type Newcomer, readSettings, standingOf } from "./newcomer.ts";
import { overlay } from "./overlay.ts";
import { stateDirOf } from "./state-dir.ts";

/** Reads this node's membership, or joins with its token; the member may be one that was removed. */
export async function enter(newcomer: Newcomer): Promise<Result<Member, Failure>> {
  const file = fileOf(newcomer);
  const standing = await standingOf(newcomer, file.read());
  if (!standing.ok) return standing;
  if (standing.value.kind === "removed") return ok(memberOf(standing.value.kept, newcomer, file));
  const isNew = standing.value.kind === "newcomer";
  const entered = await (standing.value.kind === "newcomer"
    ? join(newcomer, standing.value.token)
    : comeBack(newcomer, standing.value.kept, file.rayTokenPath));
  if (!entered.ok) return entered;
  const member = memberOf(entered.value, newcomer, file);
  // Ray may have another one since it was here.
  if (!isNew) await member.renewRayToken();
  const obstacle = keep(member, file, isNew) ?? (await passed(member, newcomer, isNew));
  if (obstacle === null || member.isRemoved) return ok(member);
  if (isNew) await giveBack(member, file);
  return err(obstacle);
}

/** The same for a dry run, which changes nothing; an event says why there is nothing to decide yet. */
export async function peek(newcomer: Newcomer): Promise<Result<Member | Event, Failure>> {
  const file = fileOf(newcomer);
  const standing = await standingOf(newcomer, file.read());
  if (!standing.ok) return standing;
  if (standing.value.kind === "newcomer") {
    const settings = readSettings(newcomer);
    const { services, expiresAt } = standing.value.token;
    return settings.ok ? ok({ type: "would-join", services, endsAtMs: expiresAt * 1000 }) : settings;
  }
  const { kept } = standing.value;
  const member = memberOf(kept, newcomer, file);
  if (member.isRemoved) return ok(member.goodbye);
  const settings = readSettings(newcomer, kept, file.rayTokenPath);
  return settings.ok ? ok(member) : settings;
}

const fileOf = ({ env, who }: Newcomer): MembershipFile => new MembershipFile(stateDirOf(env), who.becomes);

const memberOf = (membership: Membership, newcomer: Newcomer, file: MembershipFile): Member =>
  new Member(membership, overlay(membership, file.rayTokenPath, stateDirOf(newcomer.env), newcomer), file);

/** One that was a member before has all that it needs, also where the disk is full. */
function keep({ membership }: Member, file: MembershipFile, isNew: boolean): Failure | null {
  try {
    file.write(membership);
    return null;
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    return isNew ? { reason: "membership-unwritable", path: file.path, code } : null;
  }
}

/** Why its Ray could not work. Once it has been a member, a service that gives no answer stops nobody. */
async function passed(member: Member, { log }: Newcomer, isNew: boolean): Promise<Failure | null> {
  const { membership, call } = member;
  const { address, cluster } = membership;
  const network = readCards().find((each) => each.address === address)?.network ?? address;
  const failure = await passGate({ member: membership, isNew, network, call, log });
  if (failure === null && isNew) log({ type: "joined", cluster: cluster.name, member: membership.member });
  const isUnclear = failure?.reason === "no-health-service" || failure?.reason === "join-unclear";
  if (failure === null || !isUnclear || isNew) return failure;
  if (!member.isRemoved) log({ type: "gate-unclear", failure });
  return null;
}

const GIVE_BACK_TIMEOUT_MS = 3000;

/** A join that fails leaves nothing: neither here nor in the cluster. */
async function giveBack({ membership, call }: Member, file: MembershipFile): Promise<void> {
  await call("DELETE", `/v1/members/${encodeURIComponent(membership.member)}`, GIVE_BACK_TIMEOUT_MS);
  file.remove();
}
