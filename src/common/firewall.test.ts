import { expect, test } from "vitest";
import { firewallLines } from "./firewall.ts";

const RANGES = [
  [6379, 6379],
  [20_000, 20_005],
] as const;

test.each([
  ["ufw", "ufw allow proto tcp from 10.77.0.0/24 to any port 6379,20000:20005"],
  [
    "firewalld",
    "firewall-cmd --permanent --add-port=6379/tcp --add-port=20000-20005/tcp && firewall-cmd --reload",
  ],
  [
    "nftables",
    "nft insert rule inet filter input ip saddr 10.77.0.0/24 tcp dport { 6379, 20000-20005 } accept",
  ],
  ["iptables", "iptables -I INPUT -p tcp -s 10.77.0.0/24 -m multiport --dports 6379,20000:20005 -j ACCEPT"],
] as const)("%s", (firewall, line) => {
  expect(firewallLines(firewall, RANGES, "10.77.0.0/24")).toEqual([line]);
});

test("where it cannot be seen which there is, one line for each of the usual ones", () => {
  expect(firewallLines(undefined, RANGES, "10.77.0.0/24")).toHaveLength(3);
});
