import { existsSync, readdirSync, statSync } from "node:fs";
import { availableParallelism, type NetworkInterfaceInfo, networkInterfaces, totalmem } from "node:os";
import { readText } from "../../common/files.ts";
import { attempt } from "../../common/result.ts";
import type { PortRange } from "../config/settings.ts";

/** Linux's default, also where /proc cannot be read. */
const USUAL_EPHEMERAL: PortRange = { min: 32768, max: 60999 };

/** Any of these means that the driver runs; the last is where WSL keeps it. */
const NVIDIA_SIGNS = ["/proc/driver/nvidia/version", "/dev/nvidiactl", "/usr/lib/wsl/lib/nvidia-smi"];

/** Networks of container engines: their addresses are this machine's too, and other machines do not reach them. */
const ENGINE_INTERFACE = /^(?:docker|br-|veth|cni|podman|virbr|lxc)/;

/** Looks at this machine, without starting or sending anything. The engine is taken to run here. */
export function readHostFacts() {
  const [min = 0, max = 0] = textOf("/proc/sys/net/ipv4/ip_local_port_range").trim().split(/\s+/).map(Number);
  return {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    /** True when an NVIDIA GPU can be given to a container. */
    hasGpu: NVIDIA_SIGNS.some((file) => existsSync(file)),
    /** The groups that may use AMD's GPUs, as numbers of this machine: images know them by other names. Empty: there are none. */
    amdGroups: groupsOf([
      "/dev/kfd",
      ...(attempt(() => readdirSync("/dev/dri")) ?? []).map((name) => `/dev/dri/${name}`),
    ]),
    /** The address that this machine has for others; undefined: none was found. */
    ipAddress: pickAddress(networkInterfaces(), readRoutes()),
    /** Ports that the kernel gives to outgoing connections. */
    ephemeralPorts: min >= 1 && max >= min ? { min, max } : USUAL_EPHEMERAL,
  };
}

/** Of character devices, each once. Without the first there is none to use. */
function groupsOf([first = "", ...more]: readonly string[]): string[] {
  const gidOf = (file: string) => attempt(() => statSync(file))?.gid;
  if (gidOf(first) === undefined) return [];
  return [...new Set([first, ...more].flatMap((file) => gidOf(file) ?? []))].map(String);
}

const textOf = (file: string): string => readText(file) ?? "";

/** The fields of each line below the title. */
const rowsOf = (text: string): string[][] =>
  text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/));

/** Packets for `subnet` leave through `device`. */
export interface Route {
  readonly device: string;
  /** As 172.28.0.0/16; the default route's is 0.0.0.0/0. */
  readonly subnet: string;
}

export const readRoutes = (): Route[] => parseRoutes(textOf("/proc/net/route"));

/** The routes of /proc/net/route, whose numbers are hexadecimal with the last byte first. Pure. */
export const parseRoutes = (text: string): Route[] =>
  rowsOf(text).flatMap(([device = "", destination = "", , , , , , mask = ""]) => {
    if (!/^[\dA-F]{8} [\dA-F]{8}$/i.test(`${destination} ${mask}`)) return [];
    const address = [...Buffer.from(destination, "hex").reverse()].join(".");
    const ones = Number.parseInt(mask, 16).toString(2).replaceAll("0", "");
    return [{ device, subnet: `${address}/${ones.length}` }];
  });

/** A default route, and the two halves of everything that a VPN puts before it, say nothing about a network. */
const EVERYWHERE = /\/[01]$/;

/** The networks that this machine knows a way to, those of container engines left out. Pure. */
export const networksOf = (routes: readonly Route[]): Route[] =>
  routes.filter(({ device, subnet }) => !EVERYWHERE.test(subnet) && !ENGINE_INTERFACE.test(device));

const LISTENING = "0A";

/**
 * Every TCP socket on which something on this machine listens, on whatever address (proc(5)). `address` is as the kernel writes
 * it: the four bytes of an IPv4 address in its own order, also in an IPv6 one.
 */
export const listeningSockets = (): {
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}[] =>
  sockets()
    .filter(([, , , state]) => state === LISTENING)
    .map(([, local = "", , , , , , , , inode = ""]) => ({
      address: local.split(":")[0]?.slice(-8) ?? "",
      port: portOf(local),
      inode,
    }));

const sockets = () => ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => rowsOf(textOf(file)));
const portOf = (local: string): number => Number.parseInt(local.split(":")[1] ?? "", 16);

/** Every port of this machine that a TCP socket has, also one that only speaks. */
export const readUsedPorts = (): ReadonlySet<number> =>
  new Set(sockets().map(([, local = ""]) => portOf(local)));

export const readListeningPorts = (): ReadonlySet<number> =>
  new Set(listeningSockets().map(({ port }) => port));

type Interfaces = Readonly<
  Record<string, readonly Pick<NetworkInterfaceInfo, "address" | "family" | "internal">[] | undefined>
>;

/**
 * The IPv4 address of the interface that holds the default route, else the first one of an interface that is no
 * container engine's. Pure.
 */
export function pickAddress(interfaces: Interfaces, routes: readonly Route[]): string | undefined {
  const onDefaultRoute = routes.filter(({ subnet }) => subnet === "0.0.0.0/0").map(({ device }) => device);
  const others = Object.keys(interfaces).filter((name) => !ENGINE_INTERFACE.test(name));
  return [...onDefaultRoute, ...others]
    .flatMap((name) => interfaces[name] ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}
