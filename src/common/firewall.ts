import { existsSync } from "node:fs";
import { readText } from "./files.ts";
import { pids, readStat } from "./proc.ts";

/** The firewalls that people have on a machine with Docker; undefined where it cannot be seen which, as in a container. */
export type Firewall = "ufw" | "firewalld" | "nftables" | "iptables";

/** First and last port, which may be the same. */
export type PortRange = readonly [number, number];

type Write = (ranges: readonly PortRange[], from: string) => string;

const list = (ranges: readonly PortRange[], between: string, sign: string): string =>
  ranges.map(([first, last]) => (first === last ? first : `${first}${between}${last}`)).join(sign);

const LINES: Readonly<Record<Firewall, Write>> = {
  ufw: (ranges, from) => `ufw allow proto tcp from ${from} to any port ${list(ranges, ":", ",")}`,
  firewalld: (ranges) => {
    const words = ranges.map((range) => `--add-port=${list([range], "-", "")}/tcp`);
    return `firewall-cmd --permanent ${words.join(" ")} && firewall-cmd --reload`;
  },
  nftables: (ranges, from) =>
    `nft insert rule inet filter input ip saddr ${from} tcp dport { ${list(ranges, "-", ", ")} } accept`,
  iptables: (ranges, from) =>
    `iptables -I INPUT -p tcp -s ${from} -m multiport --dports ${list(ranges, ":", ",")} -j ACCEPT`,
};

/** The commands that let `from` (an address or a network) in to those ports: one where the firewall is known. Pure. */
export function firewallLines(
  firewall: Firewall | undefined,
  ranges: readonly PortRange[],
  from: string,
): string[] {
  const all = firewall === undefined ? (["ufw", "firewalld", "iptables"] as const) : [firewall];
  return all.map((each) => LINES[each](ranges, from));
}

/** The firewall of this machine. In a container the machine's files and processes are not seen, and so it is not known. */
export function readFirewall(): Firewall | undefined {
  if (/^ENABLED=yes$/m.test(readText("/etc/ufw/ufw.conf") ?? "")) return "ufw";
  if (pids().some((pid) => readStat(pid)?.name === "firewalld")) return "firewalld";
  if (existsSync("/.dockerenv") || existsSync("/run/.containerenv")) return undefined;
  if (/\btable\b/.test(readText("/etc/nftables.conf") ?? "") && !existsSync("/usr/sbin/iptables"))
    return "nftables";
  return existsSync("/usr/sbin/iptables") ? "iptables" : undefined;
}
