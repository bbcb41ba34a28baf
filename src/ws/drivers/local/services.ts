import { HEALTH_NAME, type Settings } from "../../config/settings.ts";
import type { Service } from "../driver.ts";
import type { ProcessPlan } from "./plan.ts";
import { hasChanged } from "./start.ts";
import type { StartedProcess } from "./state.ts";

/** As ps shows it; undefined where config.yaml has no such service. */
export function addressOf({ health, nodes }: Settings, name: string | undefined): string | undefined {
  if (name === HEALTH_NAME) return `${health.loopbackAddress}:${health.port}`;
  return nodes.find((node) => node.name === name)?.loopbackAddress;
}

export function serviceOf(started: StartedProcess, settings: Settings): Service {
  const { name, pid, startTicks, address, startedAt } = started;
  const node = settings.nodes.find((each) => each.name === name);
  return {
    name,
    ref: name,
    life: `${pid} ${startTicks}`,
    hostname: name,
    running: true,
    active: true,
    status: "running",
    address: addressOf(settings, name) ?? address,
    startedAtMs: startedAt,
    pid,
    gcs: node && { host: address, port: node.headPort },
    healthy: false,
    ended: false,
    exit: "",
    restarts: 0,
    elsewhere: undefined,
  };
}

/** Which of those that run were told something else than they would be told now. */
export function changes(
  started: readonly StartedProcess[],
  plans: readonly ProcessPlan[],
): Map<string, string> {
  const changed = started.filter((each) =>
    plans.some((plan) => plan.name === each.name && hasChanged(plan, each)),
  );
  const since = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  return new Map(
    changed.map(({ name, startedAt }) => [
      name,
      `config.yaml (or ws itself) changed since it was started at ${since(startedAt)}`,
    ]),
  );
}
