import type { Clock } from "../../common/deadline.ts";
import { askSeveral } from "../../common/net/several.ts";
import { err, type Result } from "../../common/result.ts";
import type { LeaseFact, ReportFact } from "../election/facts.ts";
import type { HealthClient } from "./health-client.ts";

/**
 * Several health services that share one lease, as one: whatever a node asks, any of them may answer. What it says of itself each of
 * them is told.
 */
export function anyOf(services: readonly HealthClient[], clock: Pick<Clock, "now" | "pause">): HealthClient {
  const [only, ...others] = services;
  if (only !== undefined && others.length === 0) return only;
  const several = askSeveral(services, clock);
  const orErrors = async <T>(
    timeoutMs: number,
    ask: (each: HealthClient, ms: number) => Promise<Result<T, string>>,
  ) => {
    const asked = await several(timeoutMs, ask, ({ ok }) => ok);
    return "by" in asked ? asked.answer : err(join(asked.failures, (each) => (each.ok ? "" : each.error)));
  };
  return {
    look: async (timeoutMs) => {
      const began = clock.now();
      const isUp = ({ kind }: Looked) => kind !== "down";
      const asked = await several(timeoutMs, (each, leftMs) => each.look(leftMs), isUp);
      const ms = clock.now() - began;
      return "by" in asked
        ? { ...asked.answer, ms }
        : { kind: "down", ms, attempts: 1, cause: join(asked.failures, causeIn) };
    },
    askLease: async (body, timeoutMs) => {
      const asked = await several(timeoutMs, (each, leftMs) => each.askLease(body, leftMs), isAnswer);
      return "by" in asked ? asked.answer : { kind: "no-answer", cause: join(asked.failures, causeIn) };
    },
    releaseLease: (body, timeoutMs) => orErrors(timeoutMs, (each, leftMs) => each.releaseLease(body, leftMs)),
    reach: (body, timeoutMs) => orErrors(timeoutMs, (each, leftMs) => each.reach(body, leftMs)),
    report: tellAll(services),
  };
}

type Looked = Awaited<ReturnType<HealthClient["look"]>>;

const isAnswer = ({ kind }: LeaseFact | ReportFact): boolean => kind !== "no-answer";
const causeIn = (outcome: { readonly cause?: string } | object): string =>
  "cause" in outcome ? (outcome.cause ?? "") : "";
const join = <T>(failures: readonly T[], causeOf: (each: T) => string): string =>
  failures.map(causeOf).join("; ");

/** What the first says that answers. Its `instance` stands for all of them: another one says that one of them has forgotten. */
function tellAll(services: readonly HealthClient[]): HealthClient["report"] {
  const instances = services.map(() => "");
  return (node, report, timeoutMs) =>
    new Promise((resolve, reject) => {
      const telling = services.map(async (service, i) => {
        const fact = await service.report(node, report, timeoutMs);
        if (fact.kind === "noted") instances[i] = fact.instance;
        if (isAnswer(fact))
          resolve(fact.kind === "noted" ? { ...fact, instance: instances.join(" ") } : fact);
        return fact;
      });
      Promise.all(telling).then(
        (facts) => resolve({ kind: "no-answer", cause: join(facts, causeIn) }),
        reject,
      );
    });
}
