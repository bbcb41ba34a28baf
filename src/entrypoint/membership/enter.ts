import { deadlineIn, pause, realClock } from "../../common/deadline.ts";
import type { Failure } from "../../common/failure.ts";
import type { Call } from "../../common/net/http.ts";
import type { JoinToken } from "../../common/protocol/join-token.ts";
import { attempt, err, ok, type Result } from "../../common/result.ts";
import type { Event } from "../output/event.ts";
import { type StopRequest, unlessAborted } from "../stop-request.ts";
import { readCards } from "./cards.ts";
import { certify } from "./certify.ts";
import { passGate } from "./gate.ts";
import { comeBack, join, prepareJoin } from "./join.ts";
import { Member } from "./member.ts";
import { type Membership, MembershipFile } from "./membership.ts";
import { type Newcomer, readSettings, standingOf } from "./newcomer.ts";
import { overlay } from "./overlay.ts";
import { stateDirOf } from "./state-dir.ts";

/**
 * Reads this node's membership, or joins with its token. The member may be one that was removed; an event says that it was stopped
 * before it was one.
 */
export async function enter(newcomer: Newcomer): Promise<Result<Member | Event<"stopped">, Failure>> {
  const { stopRequest } = newcomer;
  const file = fileOf(newcomer);
  const before = file.read();
  if (before?.unused) await giveBack(memberOf(before, newcomer, file), file, newcomer);
  const standing = await standingOf(newcomer, usable(before));
  if (!standing.ok) return standing;
  if (standing.value.kind === "removed") return ok(memberOf(standing.value.kept, newcomer, file));
  const isNew = standing.value.kind === "newcomer";
  const entered = await (standing.value.kind === "newcomer"
    ? joinUnlessStopped(newcomer, standing.value.token)
    : comeBack(newcomer, standing.value.kept, file.rayTokenPath));
  if (entered === null) return ok(stopped(stopRequest));
  if (!entered.ok) return entered;
  let member = memberOf(entered.value, newcomer, file);
  const gate = async () => {
    // First of all: a newcomer that is killed from here on is a member at its next start.
    const unkept = keep(member, file, isNew);
    if (unkept !== null) return unkept;
    // Ray may have another one since it was here.
    if (!isNew) await member.renewRayToken();
    const certified = await certify(member.membership, member.call);
    if (!certified.ok && isNew) return certified.error;
    if (certified.ok) member = memberOf(certified.value, newcomer, file);
    // One that was a member before goes on with the keys that it has.
    else if (!member.isRemoved) newcomer.log({ type: "uncertified", failure: certified.error });
    return keep(member, file, isNew) ?? (await passed(member, newcomer, isNew));
  };
  const obstacle = await unlessAborted(
    gate().then((failure) => ({ failure })),
    stopRequest.asked,
  );
  if (obstacle?.failure === null || member.isRemoved) return ok(member);
  if (isNew) await giveBack(member, file, newcomer);
  return obstacle === null ? ok(stopped(stopRequest)) : err(obstacle.failure);
}

/** Null where it was stopped. What it asked for it hears, so that it can be given back. */
async function joinUnlessStopped(newcomer: Newcomer, token: JoinToken) {
  const ready = await unlessAborted(prepareJoin(newcomer, token), newcomer.stopRequest.asked);
  return ready?.ok ? join(ready.value) : ready;
}

const usable = (kept: Membership | undefined): Membership | undefined => (kept?.unused ? undefined : kept);

const stopped = ({ signal, askedAtMs }: StopRequest): Event<"stopped"> => ({
  ...{ type: "stopped", signal, tookMs: realClock.now() - askedAtMs },
});

/** The same for a dry run, which changes nothing; an event says why there is nothing to decide yet. */
export async function peek(newcomer: Newcomer): Promise<Result<Member | Event, Failure>> {
  const file = fileOf(newcomer);
  const standing = await standingOf(newcomer, usable(file.read()));
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

const GIVE_BACK_MS = 4000;
const GIVE_BACK_TIMEOUT_MS = 1500;
const AGAIN_MS = 300;

/** A join that fails leaves nothing, neither here nor in the cluster. What the cluster does not hear now the next start tells it. */
async function giveBack(
  { membership, call }: Member,
  file: MembershipFile,
  { log, stopRequest: { urgent } }: Newcomer,
): Promise<void> {
  const { member } = membership;
  const deadline = deadlineIn(GIVE_BACK_MS);
  let answer: Awaited<ReturnType<Call>>;
  do {
    answer = await call("DELETE", `/v1/members/${encodeURIComponent(member)}`, GIVE_BACK_TIMEOUT_MS);
    // Also where it does not know this member any more.
    if (answer.ok && answer.value.status < 500) return file.remove();
  } while (!deadline.expired() && (await pause(AGAIN_MS, urgent)));
  const isKept = attempt(() => file.write({ ...membership, unused: true }) ?? true) ?? false;
  const cause = answer.ok ? `it answered ${answer.value.status}` : answer.error;
  log({ type: "not-given-back", member, cause, isKept });
}
