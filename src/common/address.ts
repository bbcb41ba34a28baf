import { isIPv4, isIPv6 } from "node:net";
import { err, ok, type Result } from "./result.ts";

/** Where something listens: a host name or an IPv4 address, and a TCP port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const HOST = /^(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;

/** With brackets or without, with a port or without. */
const LIKE_IPV6 = /^\[|^[\da-f.]*:[\da-f.]*:[\da-f:.]*$/i;

/** `host:port`, as Ray's `--address` takes it. */
export function formatAddress(address: Address): string {
  return `${address.host}:${address.port}`;
}

/** True when both name the same host (names compare without case) and port. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.host.toLowerCase() === b.host.toLowerCase();
}

/** A TCP port from 1 to 65535 in plain decimal digits, or the sentence that says why not. */
export function parsePort(text: string): Result<number, string> {
  if (!/^\d{1,6}$/.test(text)) return err(`expected a port from 1 to 65535, got "${text}"`);
  const port = Number(text);
  return port >= 1 && port <= 65535 ? ok(port) : err(`expected a port from 1 to 65535, got ${text}`);
}

/** A host name or an IPv4 address, or the sentence that says why not. IPv6 is refused: Ray 2.40 to 2.60 cannot be relied on with it. */
export function parseHost(text: string): Result<string, string> {
  if (text === "") return err("expected a host name or an IPv4 address, got nothing");
  if (/[[\]]/.test(text) || (text.includes(":") && isIPv6(text)))
    return err(
      `expected a host name or an IPv4 address, got the IPv6 address "${text}"; give the host a name instead`,
    );
  if (/^[\d.]+$/.test(text) && !isIPv4(text))
    return err(`expected a host name or an IPv4 address, got "${text}"`);
  return HOST.test(text) && text.length <= 253
    ? ok(text)
    : err(`expected a host name or an IPv4 address, got "${text}"`);
}

/** `host:port` (the port may be left out where `defaultPort` is given), or the sentence that says why not. */
export function parseAddress(text: string, defaultPort?: number): Result<Address, string> {
  if (LIKE_IPV6.test(text))
    return err(`expected host:port, got the IPv6 address "${text}"; give the host a name instead`);
  if (text.split(":").length > 2) return err(`expected host:port, got "${text}"`);
  const [hostText = "", portText] = text.split(":");
  const host = parseHost(hostText);
  if (!host.ok) return host;
  if (portText === undefined)
    return defaultPort === undefined
      ? err(`expected host:port, got "${text}" without a port`)
      : ok({ host: host.value, port: defaultPort });
  const port = parsePort(portText);
  return port.ok ? ok({ host: host.value, port: port.value }) : err(`${port.error} in "${text}"`);
}
