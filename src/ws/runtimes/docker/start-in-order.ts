import { pause } from "../../../common/deadline.ts";
import type { Result } from "../../../common/result.ts";
import { findHeads } from "../../cluster-view.ts";
import { firstToStart } from "../../compose/main-file.ts";
import { containerName, type Part } from "../../compose/names.ts";
import { HEALTH_NAME, type Settings } from "../../settings.ts";
import { healthAnswers, leaseHolder } from "../ask-health.ts";
import { type DockerCluster, runCompose } from "./cluster.ts";
import { CHANGE_MS, type CommandOptions, type Refusal } from "./engine.ts";

const LOOK_EVERY_MS = 100;

interface Stage {
  readonly services: readonly string[];
  /** Whether what comes next may start. */
  readonly led: () => Promise<boolean>;
}

/**
 * Has compose make the containers, and starts them in the order of their depends_on. What compose itself would wait for are
 * health checks, which come seconds apart; here the next one starts as soon as the service before it answers, and the first
 * node leads.
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
  for (const { services: next, led } of stagesOf(cluster, services)) {
    const names = next.map((service) => containerName(cluster.settings, service));
    const started = await cluster.engine.docker(["start", ...names], { ...options, timeoutMs: CHANGE_MS });
    if (!started.ok) return started;
    while (!(await led())) if (!(await pause(LOOK_EVERY_MS, options.signal))) return started;
  }
  return made;
}

function stagesOf(cluster: DockerCluster, services: readonly string[]): Stage[] {
  const always = async () => true;
  const { health, first, rest } = inOrder(cluster.settings, services);
  const stages: Stage[] = [
    { services: health, led: async () => (await healthAnswers(cluster.healthUrl)).ok },
    { services: first, led: () => somebodyLeads(cluster) },
    { services: rest, led: always },
  ];
  return stages.filter((stage) => stage.services.length > 0);
}

/** Who starts after whom. Pure. */
export function inOrder(settings: Settings, services: readonly string[]) {
  const leader = firstToStart(settings);
  return {
    health: services.filter((name) => name === HEALTH_NAME),
    first: services.filter((name) => name === leader),
    rest: services.filter((name) => name !== HEALTH_NAME && name !== leader),
  };
}

/** A HEAD is known by its lease seconds before its GCS serves, and then nobody else becomes one. */
async function somebodyLeads({ healthUrl, headAddresses, token }: DockerCluster): Promise<boolean> {
  const [holder, heads] = await Promise.all([leaseHolder(healthUrl), findHeads(headAddresses, token)]);
  return holder !== undefined || heads.length > 0;
}
