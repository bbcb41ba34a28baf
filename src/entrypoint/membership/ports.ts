import { isLoopback } from "../../common/address.ts";
import { pause } from "../../common/deadline.ts";
import { readText } from "../../common/files.ts";
import type { PortRange } from "../../common/firewall.ts";

const WAIT_MS = 3000;
const LOOK_EVERY_MS = 200;

/** The ports on which others listen, at the latest after three seconds: what just ends here lets go of its ports in less. */
export async function takenPorts(address: string, ranges: readonly PortRange[]): Promise<number[]> {
  for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
    const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((file) => readText(file) ?? "");
    const taken = listeners(tables.join("\n")).filter((each) => isInTheWay(each.address, address));
    const ports = new Set(taken.map(({ port }) => port).filter((port) => isIn(port, ranges)));
    if (ports.size === 0 || waitedMs >= WAIT_MS) return [...ports].toSorted((a, b) => a - b);
    await pause(LOOK_EVERY_MS);
  }
}

const isIn = (port: number, ranges: readonly PortRange[]): boolean =>
  ranges.some(([first, last]) => first <= port && port <= last);

/** Ray listens on this address, in part on all of them. */
const isInTheWay = (theirs: string, own: string): boolean =>
  theirs === own || theirs === "0.0.0.0" || (theirs === "127.0.0.1" && !isLoopback(own));

/** Who listens, by the tables of the kernel (proc_net_tcp: `sl local_address rem_address st …`, 0A is LISTEN). Pure. */
export const listeners = (table: string): { address: string; port: number }[] =>
  [...table.matchAll(/^\s*\d+: ([\dA-F]{8}|[\dA-F]{32}):([\dA-F]{4}) \S+ 0A /gm)].map(
    ([, address = "", port = ""]) => ({ address: dotted(address), port: Number.parseInt(port, 16) }),
  );

/** The bytes of a word in the order of this machine, which is little-endian wherever Ray runs; of IPv6 the last word counts. */
const dotted = (hex: string): string =>
  [...(hex.slice(-8).match(/../g) ?? [])]
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join(".");
