import type { Probes } from "../deps.ts";
import type { HealthFact } from "../facts.ts";

export interface HealthProbeSettings {
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly retryIntervalMs: number;
}

/** Asks the health service until it answers or `maxRetries` tries are over; the last cause stays. Never rejects. */
export async function probeHealth(
  { health, clock }: Pick<Probes, "health" | "clock">,
  settings: HealthProbeSettings,
  signal: AbortSignal,
): Promise<Exclude<HealthFact, { kind: "unknown" }>> {
  const start = clock.now();
  for (let attempt = 1; ; attempt++) {
    const fact = await health.look(settings.timeoutMs);
    if (fact.kind !== "down") return fact;
    const last = attempt >= settings.maxRetries || !(await clock.pause(settings.retryIntervalMs, signal));
    if (last) return { ...fact, attempts: attempt, ms: clock.now() - start };
  }
}
