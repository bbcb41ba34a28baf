/** One line of the kernel's table: packets for `subnet` leave through `device`. */
export interface Route {
  readonly device: string;
  /** As 172.28.0.0/16. */
  readonly subnet: string;
}

/** A default route, and the two halves of everything that a VPN puts before it, say nothing about a network. */
const LEAST_PREFIX = 2;

/** The networks of /proc/net/route, whose numbers are hexadecimal with the last byte first. Pure. */
export function parseRoutes(text: string): Route[] {
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([device = "", destination = "", , , , , , mask = ""]) => {
      if (!/^[\dA-F]{8}$/i.test(destination) || !/^[\dA-F]{8}$/i.test(mask)) return [];
      const prefix = [...bytesOf(mask)].reduce((sum, byte) => sum + bitsIn(byte), 0);
      return prefix < LEAST_PREFIX ? [] : [{ device, subnet: `${bytesOf(destination).join(".")}/${prefix}` }];
    });
}

const bytesOf = (hex: string): number[] =>
  [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));

const bitsIn = (byte: number): number => byte.toString(2).replaceAll("0", "").length;
