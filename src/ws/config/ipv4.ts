import { isIPv4 } from "node:net";

/** An IPv4 network as it was written; `first` and `last` are its lowest and highest address as numbers. */
export interface Subnet {
  readonly text: string;
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

const toNumber = (address: string): number =>
  address.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);

/** `172.28.0.0/16` as a network; undefined where it is none, or where bits are set behind the prefix. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address = "", prefixText = "", ...rest] = text.split("/");
  if (!isIPv4(address) || !/^\d{1,2}$/.test(prefixText) || rest.length > 0) return undefined;
  const prefix = Number(prefixText);
  const size = 2 ** (32 - prefix);
  const first = toNumber(address);
  return prefix <= 32 && first % size === 0 ? { text, first, last: first + size - 1, prefix } : undefined;
}

/** The nth address after the network's own: 1 is where Docker puts the gateway. */
export const nthAddress = ({ first }: Subnet, n: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor((first + n) / 2 ** shift) % 256).join(".");

/** True for an address that a container can have: not the network's own, the gateway's or the broadcast address. */
export const usableIn = ({ first, last }: Subnet, address: string): boolean =>
  toNumber(address) > first + 1 && toNumber(address) < last;

/** True when the address lies in the network at all. */
export const insideOf = ({ first, last }: Subnet, address: string): boolean =>
  toNumber(address) >= first && toNumber(address) <= last;

export const overlap = (a: Subnet, b: Subnet): boolean => a.first <= b.last && b.first <= a.last;

/** 172.28.0.3 → 127.28.0.3: on Linux the whole of 127.0.0.0/8 is this machine. */
export const loopbackTwin = (address: string): string => address.replace(/^\d+/, "127");
