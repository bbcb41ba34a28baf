import type { Problem } from "../../common/failure.ts";
import type { HostFacts } from "./host-facts.ts";

/** What a container may take of the machine. */
export interface Limits {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly objectStoreBytes: number;
  /** /dev/shm, which holds the object store. */
  readonly shmBytes: number;
}

interface Wanted {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly objectStoreBytes: number;
}

/** Ray leaves /dev/shm for the disk when the store does not fit whole, and advises a tenth more (ray/_private/services.py). */
const SHM_MARGIN = 1.1;
const MIB = 2 ** 20;

/** Docker refuses more CPUs than the machine has, and Ray an object store beyond its memory: both are cut down, with a warning. */
export function clampLimits(
  name: string,
  wanted: Wanted,
  host: HostFacts,
): { readonly limits: Limits; readonly warnings: readonly Problem[] } {
  const cpus = Math.min(wanted.cpus, host.cpus);
  const memoryBytes = Math.min(wanted.memoryBytes, host.memoryBytes);
  const share = wanted.objectStoreBytes / wanted.memoryBytes;
  const objectStoreBytes = Math.floor(memoryBytes * share);
  const shmBytes = Math.ceil((objectStoreBytes * SHM_MARGIN) / MIB) * MIB;
  return {
    limits: { cpus, memoryBytes, objectStoreBytes, shmBytes },
    warnings: warnings(name, wanted, host),
  };
}

function warnings(name: string, wanted: Wanted, host: HostFacts): Problem[] {
  const list: Problem[] = [];
  if (wanted.cpus > host.cpus)
    list.push({
      where: name,
      problem: `${wanted.cpus} CPUs wanted, and this machine has ${host.cpus}: the container gets ${host.cpus}, Ray still counts ${Math.floor(wanted.cpus)}`,
      fix: "Nothing has to be done; tasks share the CPUs there are.",
    });
  if (wanted.memoryBytes > host.memoryBytes)
    list.push({
      where: name,
      problem: `${gib(wanted.memoryBytes)} of memory wanted, and this machine has ${gib(host.memoryBytes)}: the container and Ray get that`,
      fix: "Set a smaller memory in config.yaml.",
    });
  return list;
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
