import { existsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import type { Settings } from "../config/settings.ts";
import { clusterFolder, type Machine } from "../state/machine.ts";

const OBJECT_STORE_SHARE = 0.3;

/** The settings of this machine's part in a cluster of several: a node of the machine's name, as `services.ray.defaults` says. */
export function memberSettings(settings: Settings, machine: Machine, stateDir: string) {
  const { memberNode, projectName, health } = settings;
  const memoryBytes = totalmem();
  const node = {
    ...memberNode,
    name: machine.name,
    nodeIpAddress: machine.name,
    base: machine.image === undefined ? memberNode.base : { image: machine.image, build: undefined },
    // Its own compose file sets no limits.
    ...{ cpus: availableParallelism(), memoryBytes },
    objectStoreBytes: Math.floor(memoryBytes * OBJECT_STORE_SHARE),
  };
  return {
    ...settings,
    projectName: `${projectName}-machine`,
    auth: "on",
    machine: {
      ...machine,
      infiniband: existsSync("/dev/infiniband"),
      user: `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`,
      clusterFolder: clusterFolder(stateDir),
    },
    health: { ...health, enabled: machine.advertise !== undefined, externalUrl: undefined },
    nodes: [node],
    candidates: [],
    headAddress: undefined,
  } satisfies Settings;
}
