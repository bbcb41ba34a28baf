import type { Problem } from "../../common/failure.ts";
import type { WorkerSettings } from "../config/settings.ts";

/** What a container may take of the machine. */
export interface Limits {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly objectStoreBytes: number;
  /** /dev/shm, which holds the object store. */
  readonly shmBytes: number;
}

interface MachineSize {
  readonly cpus: number;
  readonly memoryBytes: number;
}

/** Ray leaves /dev/shm for the disk when the store does not fit whole, and advises a tenth more (ray/_private/services.py). */
const SHM_MARGIN = 1.1;
const MIB = 2 ** 20;

/** Docker refuses more CPUs than the machine has, and Ray an object store beyond its memory: both are cut down. */
export function limitsOf(wanted: WorkerSettings, machine: MachineSize): Limits {
  const memoryBytes = Math.min(wanted.memoryBytes, machine.memoryBytes);
  const objectStoreBytes = Math.floor(memoryBytes * (wanted.objectStoreBytes / wanted.memoryBytes));
  return {
    cpus: Math.min(wanted.cpus, machine.cpus),
    memoryBytes,
    objectStoreBytes,
    shmBytes: Math.ceil((objectStoreBytes * SHM_MARGIN) / MIB) * MIB,
  };
}

/** What the machine has too little of for a node. */
export function limitWarnings({ name, cpus, memoryBytes }: WorkerSettings, machine: MachineSize): Problem[] {
  const list: Problem[] = [];
  if (cpus > machine.cpus)
    list.push({
      where: name,
      problem: `${cpus} CPUs wanted, and this machine has ${machine.cpus}: the container gets ${machine.cpus}, Ray still counts ${Math.floor(cpus)}`,
      fix: "Nothing has to be done; tasks share the CPUs there are.",
    });
  if (memoryBytes > machine.memoryBytes)
    list.push({
      where: name,
      problem: `${gib(memoryBytes)} of memory wanted, and this machine has ${gib(machine.memoryBytes)}: the container and Ray get that`,
      fix: "Set a smaller memory in config.yaml.",
    });
  return list;
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
