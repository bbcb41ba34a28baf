import type { Config } from "../config/config.ts";
import type { Probes } from "../deps.ts";
import type { HealthFact } from "./facts.ts";

/** Asks the health service until it answers or HEALTH_MAX_RETRIES tries are over; the last cause stays. Never rejects. */
export async function probeHealth(
  { HEALTH_TIMEOUT, HEALTH_MAX_RETRIES, HEALTH_RETRY_INTERVAL }: Config["values"],
  { health, clock }: Pick<Probes, "health" | "clock">,
  signal: AbortSignal,
): Promise<Exclude<HealthFact, { kind: "unknown" }>> {
  const start = clock.now();
  for (let attempt = 1; ; attempt++) {
    const fact = await health.look(HEALTH_TIMEOUT);
    if (fact.kind !== "down") return fact;
    const last = attempt >= HEALTH_MAX_RETRIES || !(await clock.pause(HEALTH_RETRY_INTERVAL, signal));
    if (last) return { ...fact, attempts: attempt, ms: clock.now() - start };
  }
}
