import type { Answer, Call } from "../../common/net/http.ts";
import { findLeader, STANDBY } from "../../common/net/leader.ts";
import type { secureCall } from "../../common/net/pinned-tls.ts";
import { err, type Result } from "../../common/result.ts";
import { type HealthClient, healthClient } from "../lease/health-client.ts";
import type { Membership } from "./membership.ts";

type Opened = ReturnType<typeof secureCall>;
type Open = (...keys: Parameters<typeof secureCall>) => Opened | Promise<Opened>;

/**
 * With Node's TLS, which only members need. No more than this is loaded late: the bundler wraps what `import()` reaches, with all
 * that it imports (zod, for one), and then each start of each node pays for the wrapping.
 */
const openSecure: Open = async (...keys) =>
  (await import("../../common/net/pinned-tls.ts")).secureCall(...keys);

/**
 * Requests of a member to the health service that decides. Only that one is given the credential: another one may be that of a
 * machine which was removed. `hear`: called with each answer.
 */
export function memberCall(
  member: () => Membership,
  hear: (answer: Answer) => void,
  open = openSecure,
): Call {
  const openedFor = opener(open);
  let last: string | undefined;
  return async (method, path, timeoutMs, body) => {
    const [asAnybody, asMember] = await openedFor(member());
    const ask = async (service: string): Promise<Result<Answer, string>> => {
      const answer = await asMember(service)(method, `${path}${heardOf(member())}`, timeoutMs, body);
      if (answer.ok && answer.value.status !== STANDBY) hear(answer.value);
      return answer;
    };
    const answer = last === undefined ? undefined : await ask(last);
    if (answer?.ok && answer.value.status !== STANDBY) return answer;
    const found = await findLeader(member().services, asAnybody, timeoutMs);
    // Nothing is sent to one service twice.
    const isSame = found.ok && found.value === last;
    last = found.ok ? found.value : undefined;
    if (answer !== undefined && (isSame || !found.ok)) return answer;
    return found.ok ? ask(found.value) : err(found.error.join("; ") || "no health service is known");
  };
}

/** As anybody, and as this member; opened anew when it has heard of another CA. */
function opener(open: Open) {
  let known: string | undefined;
  let opened: Promise<readonly [asAnybody: Opened, asMember: Opened]> | undefined;
  return ({ ca, member, credential }: Membership) => {
    if (opened === undefined || ca !== known)
      opened = Promise.all([open(ca, null), open(ca, `${member}:${credential}`)]);
    known = ca;
    return opened;
  };
}

/** A service that was away, and would decide by an old copy, learns by it that another one has decided since. */
const heardOf = ({ term, leader = "", proof = "" }: Membership): string =>
  term === undefined ? "" : `?heard=${term}@${encodeURIComponent(leader)}&proof=${proof}`;

/** The health client of a member. One that is not told of the lease must not take the service for one that keeps none. */
export const openMemberClient = (call: Call): HealthClient =>
  healthClient(async (method, path, ...rest) =>
    path === "/" ? err("it does not tell this member of the head lease") : call(method, path, ...rest),
  );
