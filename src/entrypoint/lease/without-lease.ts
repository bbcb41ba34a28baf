import type { Clock } from "../../common/deadline.ts";
import { err, ok } from "../../common/result.ts";
import type { LeaseFact, ReportFact } from "../election/facts.ts";
import type { HealthClient } from "./health-client.ts";

/**
 * Sooner than a service that has just begun to keep the lease grants it to another node, since the service first
 * waits for a living HEAD.
 */
const ASK_AGAIN_MS = 10_000;

const cause = "the health service keeps no head lease";
const NO_LEASE: LeaseFact = { kind: "no-answer", cause, keepsNone: true };
const NO_REPORT: ReportFact = { kind: "no-answer", cause };

/** The client when no health service is wanted. */
export const NO_SERVICE: HealthClient = {
  look: async () => ({ kind: "none", ms: 0 }),
  askLease: async () => NO_LEASE,
  releaseLease: async () => ok(undefined),
  report: async () => NO_REPORT,
  reach: async () => err("there is no health service"),
};

/**
 * `client`, but it sends no writes to a service that keeps no lease (any plain HTTP server that answers 200). It
 * looks again every ten seconds. A service that has ever kept a lease counts as keeping one, whatever it answers.
 */
export function sparing(client: HealthClient, clock: Pick<Clock, "now">): HealthClient {
  let knows: "lease" | "none" | undefined;
  let lookedAtMs = 0;
  const look: HealthClient["look"] = async (timeoutMs) => {
    lookedAtMs = clock.now();
    const fact = await client.look(timeoutMs);
    if (fact.kind === "lease") knows = "lease";
    if (fact.kind === "plain") knows ??= "none";
    return fact;
  };
  const keepsNone = async (timeoutMs: number): Promise<boolean> => {
    if (knows === "none" && clock.now() - lookedAtMs >= ASK_AGAIN_MS)
      if ((await look(timeoutMs)).kind === "lease") knows = "lease";
    return knows === "none";
  };
  return {
    ...client,
    look,
    askLease: async (body, timeoutMs) => {
      if (await keepsNone(timeoutMs)) return NO_LEASE;
      const answer = await client.askLease(body, timeoutMs);
      if (answer.kind !== "no-answer") knows = "lease";
      return answer;
    },
    report: async (node, body, timeoutMs) =>
      (await keepsNone(timeoutMs)) ? NO_REPORT : client.report(node, body, timeoutMs),
  };
}
