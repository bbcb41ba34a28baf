import { existsSync } from "node:fs";
import { readText } from "../../common/files.ts";
import type { Firewall } from "../../common/firewall.ts";
import { pids, readStat } from "../../common/proc.ts";

/** The firewall of this machine. In a container the machine's files and processes are not seen, and so it is not known. */
export function readFirewall(): Firewall | undefined {
  if (/^ENABLED=yes$/m.test(readText("/etc/ufw/ufw.conf") ?? "")) return "ufw";
  if (pids().some((pid) => readStat(pid)?.name === "firewalld")) return "firewalld";
  if (existsSync("/.dockerenv") || existsSync("/run/.containerenv")) return undefined;
  if (/\btable\b/.test(readText("/etc/nftables.conf") ?? "") && !existsSync("/usr/sbin/iptables"))
    return "nftables";
  return existsSync("/usr/sbin/iptables") ? "iptables" : undefined;
}
