import type { Answer, Call } from "../../common/net/http.ts";
import type { secureCall } from "../../common/net/pinned-tls.ts";
import { err, type Result } from "../../common/result.ts";
import { type HealthClient, healthClient } from "../lease/health-client.ts";
import type { Membership } from "./membership.ts";

/** What a service that only copies another one answers to what it may not decide. */
const STANDBY = 503;

type Opened = ReturnType<typeof secureCall>;
type Open = (...keys: Parameters<typeof secureCall>) => Opened | Promise<Opened>;

/**
 * With Node's TLS, which only members need. No more than this is loaded late: the bundler wraps what `import()` reaches, with all
 * that it imports (zod, for one), and then each start of each node pays for the wrapping.
 */
const openSecure: Open = async (...keys) =>
  (await import("../../common/net/pinned-tls.ts")).secureCall(...keys);

/**
 * Requests of a member, with its credential, to the cluster's health services: the one that answered last, then the next.
 * `hear`: called with each answer.
 */
export function memberCall(
  member: () => Membership,
  hear: (answer: Answer) => void,
  open = openSecure,
): Call {
  const { ca, member: name, credential } = member();
  let opened: ReturnType<Open> | undefined;
  let last: string | undefined;
  return async (method, path, ...request) => {
    opened ??= open(ca, `${name}:${credential}`);
    const at = await opened;
    const { services, term, leader = "" } = member();
    // A service that was away, and would decide by an old copy, learns by it that another one has decided since.
    const heard = term === undefined ? "" : `?heard=${term}@${encodeURIComponent(leader)}`;
    let answer: Result<Answer, string> = err("no health service is known");
    for (const service of services.toSorted((a, b) => Number(b === last) - Number(a === last))) {
      answer = await at(service)(method, `${path}${heard}`, ...request);
      if (!answer.ok || answer.value.status === STANDBY) continue;
      last = service;
      hear(answer.value);
      return answer;
    }
    return answer;
  };
}

/** The health client of a member. One that is not told of the lease must not take the service for one that keeps none. */
export const openMemberClient = (call: Call): HealthClient =>
  healthClient(async (method, path, ...rest) =>
    path === "/" ? err("it does not tell this member of the head lease") : call(method, path, ...rest),
  );
