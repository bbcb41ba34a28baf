import { isIPv4, isIPv6 } from "node:net";
import { err, ok, type Result } from "./result.ts";

/** Where something listens: a host name or an IPv4 address, and a TCP port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const HOST = /^(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;

/** With brackets or without, with a port or without. */
const LIKE_IPV6 = /^\[[\da-f.]*:|^[\da-f.]*:[\da-f.]*:[\da-f:.]*$/i;

/** `host:port`, as Ray's `--address` takes it. */
export function formatAddress(address: Address): string {
  return `${address.host}:${address.port}`;
}

/** True when both texts name the same host. Host names ignore case. */
export const sameHost = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** True when both name the same host and port. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && sameHost(a.host, b.host);
}

/** The same, where one address is given as text. */
export const isAt = (address: Address, text: string): boolean => sameHost(formatAddress(address), text);

/**
 * True when one is the short form of the other, as `gpu01` is of `gpu01.lab.example`: the same first label, and only
 * one of them has more. Two names with different domains are two hosts.
 */
export function isShortFormOf(a: string, b: string): boolean {
  if (isIPv4(a) || isIPv4(b) || a.includes(".") === b.includes(".")) return false;
  return sameHost(a.split(".")[0] ?? a, b.split(".")[0] ?? b);
}

/** The entries of `all` that are called `name`: exactly, otherwise by its short or long form. */
export function matchingNames<T extends { readonly name: string }>(all: readonly T[], name: string): T[] {
  const exact = all.filter((each) => sameHost(each.name, name));
  return exact.length > 0 ? exact : all.filter((each) => isShortFormOf(each.name, name));
}

/** True for a loopback address or name: on every machine it means that machine itself. */
export const isLoopback = (host: string): boolean =>
  isIPv4(host) ? host.startsWith("127.") : /^localhost(?:\.localdomain)?$/i.test(host);

/** Means "every address of this machine" for a program that listens; no host can be reached at it. */
const isUnspecified = (host: string): boolean => /^0+(?:\.0+){3}$/.test(host);

/** A TCP port from 1 to 65535 in plain decimal digits, or the sentence that says why not. */
export function parsePort(text: string): Result<number, string> {
  if (!/^\d{1,6}$/.test(text)) return err(`expected a port from 1 to 65535, got "${text}"`);
  const port = Number(text);
  return port >= 1 && port <= 65535 ? ok(port) : err(`expected a port from 1 to 65535, got ${text}`);
}

/**
 * A host name or an IPv4 address, without a final dot, or the message that says what is wrong. IPv6 is refused,
 * because Ray 2.40 to 2.60 does not support it reliably.
 */
export function parseHost(text: string): Result<string, string> {
  if (text === "") return err("expected a host name or an IPv4 address, got nothing");
  // Node compiles its expression for IPv6 at the first use, in 4 ms; without a colon a text is none.
  if (text.includes(":") && isIPv6(text.replace(/^\[(.*)\]$/, "$1")))
    return err(
      `expected a host name or an IPv4 address, got the IPv6 address "${text}"; give the host a name instead`,
    );
  if (/^[\d.]+$/.test(text) && !isIPv4(text))
    return err(`expected a host name or an IPv4 address, got "${text}"`);
  return HOST.test(text) && text.length <= 253
    ? ok(text.replace(/\.$/, ""))
    : err(`expected a host name or an IPv4 address, got "${text}"`);
}

/** The same for a host that others must reach: 0.0.0.0 ("every address") is refused. */
export function parsePeer(text: string): Result<string, string> {
  return isUnspecified(text)
    ? err(`expected the address of one host, got "${text}", which means "every address of this machine"`)
    : parseHost(text);
}

/** `host:port` (the port may be left out where `defaultPort` is given), or the sentence that says why not. */
export function parseAddress(text: string, defaultPort?: number): Result<Address, string> {
  if (LIKE_IPV6.test(text))
    return err(`expected host:port, got the IPv6 address "${text}"; give the host a name instead`);
  if (text.split(":").length > 2) return err(`expected host:port, got "${text}"`);
  const [hostText = "", portText] = text.split(":");
  const host = parsePeer(hostText);
  if (!host.ok) return host;
  if (portText === undefined)
    return defaultPort === undefined
      ? err(`expected host:port, got "${text}" without a port`)
      : ok({ host: host.value, port: defaultPort });
  const port = parsePort(portText);
  return port.ok ? ok({ host: host.value, port: port.value }) : err(`${port.error} in "${text}"`);
}
