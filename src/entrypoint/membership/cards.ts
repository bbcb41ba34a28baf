import { existsSync } from "node:fs";
import { isLoopback } from "../../common/address.ts";
import { readText } from "../../common/files.ts";
import type { OwnInterface } from "../config/identity.ts";
import type { Card } from "./address.ts";

/** This machine's interfaces, loopback left out, with what the kernel says of them. */
export function readCards(interfaces: readonly OwnInterface[]): Card[] {
  const inContainer = existsSync("/.dockerenv") || existsSync("/run/.containerenv");
  const byDefault = defaultRoutes(readText("/proc/net/route") ?? "");
  const hosts = readText("/etc/hosts") ?? "";
  return interfaces
    .filter(({ address }) => !isLoopback(address))
    .map((each) => ({
      ...each,
      speed: speedOf(each.name),
      isOfContainer:
        inContainer && byDefault.has(each.name) && isPeer(each.name) && lists(hosts, each.address),
    }));
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
