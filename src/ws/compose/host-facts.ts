import type { PortRange } from "../settings.ts";

/** What the compose files need to know about the machine of the Docker engine. */
export interface HostFacts {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** True when an NVIDIA GPU can be given to a container. */
  readonly hasGpu: boolean;
  /** The address that this machine has for others; undefined: none was found. */
  readonly ipAddress: string | undefined;
  /** Ports that the kernel gives to outgoing connections (ip_local_port_range). */
  readonly ephemeralPorts: PortRange;
  /** The checkout, from which the images are built, as seen from the folder of the compose files. */
  readonly buildContext: string;
}
