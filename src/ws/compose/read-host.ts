import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, networkInterfaces, totalmem } from "node:os";
import type { PortRange } from "../settings.ts";
import type { HostFacts } from "./host-plan.ts";
import { parseRoutes, type Route } from "./routes.ts";

/** Linux's default, also where /proc cannot be read. */
const USUAL_EPHEMERAL: PortRange = { min: 32768, max: 60999 };

/** Any of these means that the driver runs; the last is where WSL keeps it. */
const NVIDIA_SIGNS = ["/proc/driver/nvidia/version", "/dev/nvidiactl", "/usr/lib/wsl/lib/nvidia-smi"];

/** Looks at this machine, without starting or sending anything. The engine is taken to run here. */
export function readHostFacts(): Omit<HostFacts, "buildContext"> {
  return {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    hasGpu: NVIDIA_SIGNS.some((file) => existsSync(file)),
    ipAddress: pickAddress(networkInterfaces(), textOf("/proc/net/route")),
    ephemeralPorts: parseEphemeral(textOf("/proc/sys/net/ipv4/ip_local_port_range")) ?? USUAL_EPHEMERAL,
  };
}

/** The networks that this machine knows a way to. */
export const readRoutes = (): Route[] =>
  parseRoutes(textOf("/proc/net/route")).filter(({ device }) => !ENGINE_INTERFACE.test(device));

const LISTENING = "0A";

/** The TCP ports that something on this machine listens on, on whatever address. */
export function readListeningPorts(): ReadonlySet<number> {
  const lines = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => textOf(file).split("\n").slice(1));
  const sockets = lines.map((line) => line.trim().split(/\s+/));
  return new Set(
    sockets
      .filter((fields) => fields[3] === LISTENING)
      .map((fields) => Number.parseInt(fields[1]?.split(":")[1] ?? "", 16)),
  );
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // No such file on this system, which says as much as an empty one.
    return "";
  }
}

function parseEphemeral(text: string): PortRange | undefined {
  const [min = Number.NaN, max = Number.NaN] = text.trim().split(/\s+/).map(Number);
  return min >= 1 && max >= min ? { min, max } : undefined;
}

type Interfaces = Readonly<
  Record<
    string,
    readonly { readonly address: string; readonly family: string; readonly internal: boolean }[] | undefined
  >
>;

/** Networks of container engines: their addresses are this machine's too, and other machines do not reach them. */
const ENGINE_INTERFACE = /^(?:docker|br-|veth|cni|podman|virbr|lxc)/;

/**
 * The IPv4 address of the interface that holds the default route (`routes` is the text of /proc/net/route), else the first
 * one of an interface that is no container engine's. Pure.
 */
export function pickAddress(interfaces: Interfaces, routes: string): string | undefined {
  const addressOf = (name: string): string | undefined =>
    interfaces[name]?.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
  const onDefaultRoute = routes
    .split("\n")
    .map((line) => line.split("\t"))
    .flatMap(([name, destination]) => (name !== undefined && destination === "00000000" ? [name] : []));
  const others = Object.keys(interfaces).filter((name) => !ENGINE_INTERFACE.test(name));
  return [...onDefaultRoute, ...others].map(addressOf).find((address) => address !== undefined);
}
