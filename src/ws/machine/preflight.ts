import { releaseOf } from "../../common/auth-token.ts";
import type { Problem } from "../../common/failure.ts";
import type { Firewall } from "../../common/firewall.ts";
import { gib, span } from "../../common/output/units.ts";
import { HEALTH_NAME } from "../config/settings.ts";
import type { TakenPort } from "../output/failure-texts.ts";
import type { Machine } from "../state/machine.ts";

/** What the engine says of itself (`docker info`), and the machine. */
export interface MachineFacts {
  /** The engine's machine, where that is another one. */
  readonly elsewhere: string | undefined;
  readonly engineVersion: string;
  readonly securityOptions: readonly string[];
  readonly operatingSystem: string;
  /** Where the engine keeps images, and what is free there. */
  readonly disk: { readonly folder: string; readonly freeBytes: number } | undefined;
  /** Looked for only where there is no room for another one. */
  readonly hasImage: boolean;
  /** It has an NVIDIA GPU, which the node is to get by the toolkit. */
  readonly hasGpu: boolean;
  readonly gpuToolkit: boolean;
  /** With InfiniBand the node shares the machine's /dev/shm: its size, and what the object store needs. Else it has its own. */
  readonly sharedMemory: { readonly bytes: number; readonly wantedBytes: number } | undefined;
  /** A firewall that is active here, and what lets the cluster in. */
  readonly firewall: { readonly name: Firewall; readonly line: string } | undefined;
  readonly taken: readonly TakenPort[];
  /** Of a token's cluster, seen from here. */
  readonly service: ServiceFacts | undefined;
}

export interface ServiceFacts {
  readonly problem: Problem | undefined;
  /** How far this machine's clock is ahead of the service's; undefined where it does not say. */
  readonly aheadMs: number | undefined;
  /** This machine's end of the connection to it. */
  readonly localAddress?: string;
}

/** A Ray image takes about 8 GiB, one with CUDA 25. */
export const IMAGE_BYTES = 10 * 2 ** 30;
const CLOCK_MS = 30_000;
/** The first whose files of Compose may ask for GPUs, and which has `host-gateway`. */
const MIN_ENGINE = "20.10";

/** What stands against this machine's part, and what should be known. Pure. */
export function judgeMachine(facts: MachineFacts, { name }: Pick<Machine, "name">) {
  const { elsewhere, engineVersion, securityOptions, operatingSystem, disk, hasImage } = facts;
  const { hasGpu, gpuToolkit, taken, service } = facts;
  const problems: (Problem | false | undefined)[] = [
    elsewhere !== undefined && {
      where: "The Docker engine",
      problem: `runs on ${elsewhere}, and this machine is to be the member`,
      fix: "Type the command on that machine, or choose the engine of this one: docker context use default",
    },
    releaseOf(engineVersion, Infinity) < releaseOf(MIN_ENGINE, 0) && {
      where: "The Docker engine",
      problem: `expected version ${MIN_ENGINE} or later, got ${engineVersion}`,
      fix: "Install a later one: https://docs.docker.com/engine/install/",
    },
    securityOptions.some((each) => each.startsWith("name=rootless")) && {
      where: "The Docker engine",
      problem: "is rootless: its host network is not this machine's, so that others do not reach it",
      fix: "Use the engine of root: docker context use default (or sudo)",
    },
    operatingSystem === "Docker Desktop" && {
      where: "The Docker engine",
      problem: "is Docker Desktop: its host network is that of a virtual machine, which others do not reach",
      fix: "Use Docker Engine on Linux: https://docs.docker.com/engine/install/",
    },
    // A range of worker ports counts once.
    ...[...Map.groupBy(taken, ({ use, holder }) => `${use} ${holder}`).values()].flatMap(portProblem),
    hasGpu &&
      !gpuToolkit && {
        where: "GPU",
        problem: "this machine has an NVIDIA GPU, and its engine cannot give it to containers",
        fix: "Install nvidia-container-toolkit, then: sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker. Or set host.has_gpu: false.",
      },
    !hasImage &&
      disk !== undefined &&
      disk.freeBytes < IMAGE_BYTES && {
        where: disk.folder,
        problem: `expected ${gib(IMAGE_BYTES)} free for the image, got ${gib(disk.freeBytes)}`,
        fix: "Make room: docker system df shows what is used, docker system prune removes what nothing needs",
      },
    name === HEALTH_NAME && {
      where: "The name of this machine",
      problem: `expected any name but ${HEALTH_NAME}, which is the health service's here`,
      fix: "Give the machine another hostname: sudo hostnamectl set-hostname NAME",
    },
    service?.problem,
  ];
  return { problems: problems.filter((each) => !!each), warnings: adviceOn(facts) };
}

/** What a machine joins with all the same. */
function adviceOn({ service, sharedMemory: shm, firewall }: MachineFacts): Problem[] {
  const { aheadMs = 0 } = service ?? {};
  const advice: (Problem | false | undefined)[] = [
    Math.abs(aheadMs) > CLOCK_MS && {
      where: "Clock",
      problem: `this machine's is ${span(Math.abs(aheadMs))} ${aheadMs > 0 ? "ahead of" : "behind"} the health service's; the cluster works, times in logs differ`,
      fix: "Set it: sudo timedatectl set-ntp true",
    },
    shm &&
      shm.bytes < shm.wantedBytes && {
        where: "/dev/shm",
        problem: `with InfiniBand the node uses this machine's, which has ${gib(shm.bytes)}, and the object store needs ${gib(shm.wantedBytes)}; Ray uses the disk for it, which is slow`,
        fix: `sudo mount -o remount,size=${Math.ceil(shm.wantedBytes / 2 ** 30)}G /dev/shm`,
      },
    firewall && {
      where: "Firewall",
      problem: `${firewall.name} is active on this machine; the join says so where the others do not get through`,
      fix: `To let the cluster in: sudo ${firewall.line}`,
    },
  ];
  return advice.filter((each) => !!each);
}

function portProblem([first, ...more]: readonly TakenPort[]): Problem[] {
  if (first === undefined) return [];
  const { port, use, holder = "something", why } = first;
  const also = more.length === 0 ? "" : ` (and ${more.length} more)`;
  return [
    {
      where: `Port ${port} (${use})`,
      problem: why ?? `expected it to be free on this machine, and ${holder} listens there${also}`,
      fix: `See who does (sudo ss -ltnp 'sport = :${port}'), and stop it: all members use the same ports.`,
    },
  ];
}
