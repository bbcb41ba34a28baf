import { monotonicMs, pause } from "../../common/deadline.ts";
import type { HealthFact } from "../facts.ts";
import type { HealthClient } from "../health-client.ts";

export interface HealthProbeSettings {
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly retryIntervalMs: number;
}

/** Asks the health service until it answers or `maxRetries` tries are over; the last cause stays. Never rejects. */
export async function probeHealth(
  client: Pick<HealthClient, "look">,
  settings: HealthProbeSettings,
  signal: AbortSignal,
): Promise<Exclude<HealthFact, { kind: "unknown" }>> {
  const start = monotonicMs();
  for (let attempt = 1; ; attempt++) {
    const fact = await client.look(settings.timeoutMs);
    if (fact.kind !== "down") return fact;
    const last = attempt >= settings.maxRetries || !(await pause(settings.retryIntervalMs, signal));
    if (last) return { ...fact, attempts: attempt, ms: monotonicMs() - start };
  }
}
