import type { Problem } from "../../../common/failure.ts";
import type { HostPlan } from "../../compose/host-plan.ts";
import { containerName, networkName, type Part } from "../../compose/names.ts";
import { portsInUse, publishedPorts } from "../../compose/ports.ts";
import { readListeningPorts } from "../../compose/read-host.ts";
import type { Settings } from "../../config/settings.ts";
import { servicesOf } from "../driver.ts";
import { type Claims, conflicts, notYetOurs } from "./conflicts.ts";
import { isRemote } from "./engine.ts";
import type { Neighbours } from "./neighbours.ts";
import type { Project } from "./project.ts";

/** What other clusters and programs hold that one compose file needs; checked before minutes are spent on images. */
export function blockedBy(
  project: Pick<Project, "settings" | "formerProject" | "engine">,
  plan: HostPlan,
  part: Part,
  around: Neighbours,
): readonly Problem[] {
  const { settings, formerProject, engine } = project;
  const claims: Claims = {
    mine: [settings.projectName, ...(formerProject === undefined ? [] : [formerProject])],
    ports: publishedPorts(plan, part),
    names: new Map(servicesOf(settings, part).map((service) => [service, containerName(settings, service)])),
    subnet: subnetOf(settings, part),
  };
  const problems = conflicts(claims, around);
  // A port that no container has may still be used by a program, if the engine runs on this machine.
  const listening = isRemote(engine) ? new Set<number>() : readListeningPorts();
  return problems.length > 0 ? problems : portsInUse(notYetOurs(claims, around), listening);
}

/** The engine does not answer, so nothing is known to be free. */
export const silentEngine = (why: string): Problem => ({
  where: "The Docker engine",
  problem: `does not list its containers and networks: ${why}`,
  fix: "Check that docker ps and docker network ls work, then run the command again.",
});

const subnetOf = (settings: Settings, part: Part): Claims["subnet"] =>
  part === "main"
    ? { key: "network.subnet", text: settings.subnet }
    : { key: "cluster_test.test_network_subnet", text: settings.testSubnet };

/** True if this cluster's network exists with another subnet than config.yaml has now: it must be recreated. */
export function hasMoved({ settings }: Pick<Project, "settings">, { networks }: Neighbours): boolean {
  const own = networks.find(({ name }) => name === networkName(settings, "main"));
  return own !== undefined && !own.subnets.includes(settings.subnet);
}
