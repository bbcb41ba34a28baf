import { networkInterfaces } from "node:os";
import { readText } from "../../common/auth-token.ts";
import type { OwnInterface } from "./identity.ts";

/**
 * The IPv4 addresses of this machine's interfaces. Undefined if they cannot be read, or if programs may also listen
 * on other addresses (ip_nonlocal_bind, for addresses that move between machines).
 */
export function readInterfaces(): OwnInterface[] | undefined {
  if (readText("/proc/sys/net/ipv4/ip_nonlocal_bind")?.trim() === "1") return undefined;
  try {
    return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
      addresses.filter(({ family }) => family === "IPv4").map(({ address }) => ({ name, address })),
    );
  } catch {
    return undefined;
  }
}
