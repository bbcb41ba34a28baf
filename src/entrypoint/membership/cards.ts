import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { isLoopback } from "../../common/address.ts";
import { readText } from "../../common/files.ts";
import { attempt } from "../../common/result.ts";
import type { Card } from "./address.ts";

/** This machine's interfaces with IPv4 addresses, loopback left out, and what the kernel says of them. */
export function readCards(): Card[] {
  const inContainer = existsSync("/.dockerenv") || existsSync("/run/.containerenv");
  const byDefault = defaultRoutes(readText("/proc/net/route") ?? "");
  const hosts = readText("/etc/hosts") ?? "";
  const all = Object.entries(attempt(networkInterfaces) ?? {}).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ family, address }) => family === "IPv4" && !isLoopback(address))
      .map((each) => ({ name, ...each })),
  );
  return all.map(({ name, address, netmask }) => ({
    name,
    address,
    network: networkOf(address, netmask),
    speed: speedOf(name),
    isOfContainer: inContainer && byDefault.has(name) && isPeer(name) && lists(hosts, address),
  }));
}

/** 10.77.0.2, 255.255.255.0 → 10.77.0.0/24. Pure. */
export function networkOf(address: string, netmask: string): string {
  const mask = netmask.split(".").map(Number);
  const base = address.split(".").map((byte, i) => Number(byte) & (mask[i] ?? 0));
  const bits = mask
    .map((byte) => byte.toString(2))
    .join("")
    .replaceAll("0", "").length;
  return `${base.join(".")}/${bits}`;
}

/** -1 where the link is down or the driver does not know. */
function speedOf(name: string): number | undefined {
  const speed = Number(readText(`/sys/class/net/${name}/speed`));
  return speed > 0 ? speed : undefined;
}

/** The interfaces with a default route (proc_net_route: name, destination, gateway …). Pure. */
export const defaultRoutes = (table: string): Set<string> =>
  new Set(
    table
      .split("\n")
      .map((line) => line.split("\t"))
      .filter(([, destination]) => destination === "00000000")
      .map(([name = ""]) => name),
  );

/** No card, but an end of a pair whose other end is elsewhere. */
const isPeer = (name: string): boolean =>
  !existsSync(`/sys/class/net/${name}/device`) &&
  readText(`/sys/class/net/${name}/iflink`) !== readText(`/sys/class/net/${name}/ifindex`);

/** Engines write a container's own address into its /etc/hosts, and copy the machine's where it has the machine's network. */
const lists = (hosts: string, address: string): boolean =>
  hosts.split("\n").some((line) => line.split(/\s/, 1)[0] === address);
