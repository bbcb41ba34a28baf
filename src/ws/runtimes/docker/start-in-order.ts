import { pause } from "../../../common/deadline.ts";
import type { Result } from "../../../common/result.ts";
import { containerName, type Part } from "../../compose/names.ts";
import { HEALTH_NAME, plannedHead, type Settings } from "../../settings.ts";
import { healthAnswers } from "../ask-health.ts";
import { untilLed } from "../until-led.ts";
import { type DockerCluster, runCompose } from "./cluster.ts";
import { CHANGE_MS, type CommandOptions, type Refusal } from "./engine.ts";

const LOOK_EVERY_MS = 100;

/**
 * Has compose make the containers, and starts them in the order of their depends_on. What compose itself would wait for are
 * health checks, which come seconds apart; here the nodes start as soon as the health service answers, and the others as soon
 * as the first one leads.
 */
export async function startInOrder(
  cluster: DockerCluster,
  part: Part,
  services: readonly string[],
  options: CommandOptions & { readonly signal: AbortSignal },
): Promise<Result<string, Refusal>> {
  const up = (how: string) => runCompose(cluster, part, ["up", how, "--no-build", ...services], options);
  if (part === "test") return up("--detach");
  const made = await up("--no-start");
  if (!made.ok) return made;
  const { health, first, rest } = inOrder(cluster.settings, services);
  const stages = [
    { names: health, settled: () => untilHealthAnswers(cluster, options.signal) },
    { names: first, settled: () => untilLed(cluster, options.signal) },
    { names: rest, settled: async () => {} },
  ].filter(({ names }) => names.length > 0);
  for (const { names, settled } of stages) {
    const containers = names.map((name) => containerName(cluster.settings, name));
    const started = await cluster.engine.docker(["start", ...containers], {
      ...options,
      timeoutMs: CHANGE_MS,
    });
    if (!started.ok) return started;
    await settled();
    if (options.signal.aborted) return made;
  }
  return made;
}

/** Who starts after whom. Pure. */
export function inOrder(settings: Settings, services: readonly string[]) {
  const leader = plannedHead(settings);
  return {
    health: services.filter((name) => name === HEALTH_NAME),
    first: services.filter((name) => name === leader),
    rest: services.filter((name) => name !== HEALTH_NAME && name !== leader),
  };
}

async function untilHealthAnswers({ healthUrl }: DockerCluster, signal: AbortSignal): Promise<void> {
  while (!(await healthAnswers(healthUrl)).ok && (await pause(LOOK_EVERY_MS, signal)));
}
