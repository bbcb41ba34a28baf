import { existsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { OBJECT_STORE_SHARE } from "../config/derive-nodes.ts";
import type { MemberSettings, Settings } from "../config/settings.ts";
import { clusterFolder, type Machine } from "../state/machine.ts";

type Here = Omit<MemberSettings, keyof Machine> & { readonly cpus: number; readonly memoryBytes: number };

/** What compose.yaml of a member needs to know of this machine and of who types. */
export const lookHere = (stateDir: string): Here => ({
  cpus: availableParallelism(),
  memoryBytes: totalmem(),
  infiniband: existsSync("/dev/infiniband"),
  user: `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`,
  clusterFolder: clusterFolder(stateDir),
});

/** The settings of this machine's part in a cluster of several: one node, as `services.ray.defaults` says, with all of the machine. Pure. */
export function memberSettings(settings: Settings, machine: Machine, { cpus, memoryBytes, ...here }: Here) {
  const { memberNode, projectName, health } = settings;
  const { name, image, advertise } = machine;
  const node = {
    ...memberNode,
    ...{ name, nodeIpAddress: name, cpus, memoryBytes },
    base: image === undefined ? memberNode.base : { image, build: undefined },
    objectStoreBytes: Math.floor(memoryBytes * OBJECT_STORE_SHARE),
  };
  return {
    ...settings,
    projectName: `${projectName}-machine`,
    auth: "on",
    machine: { ...machine, ...here },
    health: { ...health, enabled: advertise !== undefined, externalUrl: undefined },
    nodes: [node],
    candidates: [],
    headAddress: undefined,
  } satisfies Settings;
}
