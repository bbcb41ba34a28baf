import { isIPv4, isIPv6 } from "node:net";
import { err, ok, type Result } from "./result.ts";
import { type Form, refuse, wholeNumber } from "./values.ts";

/** Where something listens: a host name or an IPv4 address, and a TCP port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, as Ray's `--address` takes it. */
export const formatAddress = (address: Address): string => `${address.host}:${address.port}`;

/** True when both texts name the same host. Host names ignore case. */
export const sameHost = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** True when both name the same host and port. */
export const sameAddress = (a: Address, b: Address): boolean => isAt(a, formatAddress(b));

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

export const port = wholeNumber(1, 65535, "a port");

const HOST = /^(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;

/** The value has no final dot. IPv6 is refused, because Ray 2.40 to 2.60 does not support it reliably. */
export const host: Form<string> = {
  expected: "a host name or an IPv4 address",
  parse: (text) => {
    const refuseFor = (got: string) => err(`expected ${host.expected}, got ${got}`);
    if (text === "") return refuseFor("nothing");
    // Node compiles its expression for IPv6 at the first use, in 4 ms; without a colon a text is none.
    if (text.includes(":") && isIPv6(text.replace(/^\[(.*)\]$/, "$1")))
      return refuseFor(`the IPv6 address "${text}"; give the host a name instead`);
    const isHost = HOST.test(text) && text.length <= 253 && (isIPv4(text) || !/^[\d.]+$/.test(text));
    return isHost ? ok(text.replace(/\.$/, "")) : refuseFor(`"${text}"`);
  },
};

/** A host that others must be able to reach: not 0.0.0.0, which means "every address" to a program that listens. */
export const peer: Form<string> = {
  ...host,
  parse: (text) =>
    /^0+(?:\.0+){3}$/.test(text)
      ? err(`expected the address of one host, got "${text}", which means "every address of this machine"`)
      : host.parse(text),
};

/** With brackets or without, with a port or without. */
const LIKE_IPV6 = /^\[[\da-f.]*:|^[\da-f.]*:[\da-f.]*:[\da-f:.]*$/i;

/** `host:port` (the port may be left out where `defaultPort` is given), or the sentence that says why not. */
export function parseAddress(text: string, defaultPort?: number): Result<Address, string> {
  if (LIKE_IPV6.test(text))
    return err(`expected host:port, got the IPv6 address "${text}"; give the host a name instead`);
  const [hostText = "", portText, ...rest] = text.split(":");
  if (rest.length > 0) return err(`expected host:port, got "${text}"`);
  const parsed = peer.parse(hostText);
  if (!parsed.ok) return parsed;
  if (portText === undefined && defaultPort === undefined)
    return err(`expected host:port, got "${text}" without a port`);
  const at = portText === undefined ? ok(defaultPort ?? 0) : port.parse(portText);
  return at.ok ? ok({ host: parsed.value, port: at.value }) : err(`${at.error} in "${text}"`);
}

export const address: Form<Address> = { expected: "host:port", parse: (text) => parseAddress(text) };

/** An address whose port may be left out. */
export const withoutZero = ({ host, port }: Address) => ({ host, port: port === 0 ? undefined : port });

/** The parts of a text that is split by spaces or commas, and what is wrong with the others. */
function partsOf<T>(text: string, { parse }: Form<T>) {
  const parsed = text
    .split(/[\s,]+/)
    .filter((part) => part !== "")
    .map(parse);
  return {
    good: parsed.flatMap((each) => (each.ok ? [each.value] : [])),
    wrong: parsed.flatMap((each) => (each.ok ? [] : [each.error])),
  };
}

/** Names, separated by spaces or commas. */
export const hosts: Form<string[]> = {
  expected: "host names",
  parse: (text) => {
    const { good, wrong } = partsOf(text, host);
    return wrong.length > 0 ? err(wrong.join("; ")) : ok(good);
  },
};

/** `http://host:port`, without what a health service cannot have (user, password, query). */
export const httpUrl: Form<string> = {
  expected: "a URL such as http://health:8080",
  parse: (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol !== "http:" || url.hostname === "") return refuse(httpUrl.expected, text);
    if (url.username || url.password || url.search || url.hash)
      return refuse("a URL without user, password, query or fragment", text);
    const at = parseAddress(url.host, 80);
    return at.ok ? ok(url.href.replace(/\/$/, "")) : at;
  },
};

/** One candidate. `port` is undefined where the entry names none. */
export interface WhitelistEntry {
  readonly name: string;
  readonly host: string;
  readonly port: number | undefined;
  /** True for `name=host:port`: the address was given, not derived from the name. */
  readonly mapped: boolean;
}

export const whitelistEntry: Form<WhitelistEntry> = {
  expected: "name, name:port or name=host:port",
  parse: (text) => {
    const [left = "", given, ...rest] = text.split("=");
    if (rest.length > 0) return refuse(whitelistEntry.expected, text);
    if (given === undefined) {
      const own = parseAddress(left, 0);
      return own.ok ? ok({ name: own.value.host, ...withoutZero(own.value), mapped: false }) : own;
    }
    const name = host.parse(left);
    if (!name.ok) return name;
    const mapped = parseAddress(given);
    return mapped.ok ? ok({ name: name.value, ...mapped.value, mapped: true }) : mapped;
  },
};

/** Entries split by spaces or commas; every wrong entry is named, and no name may stand twice. */
export const whitelist: Form<WhitelistEntry[]> = {
  expected: "at least one candidate",
  parse: (text) => {
    const { good, wrong } = partsOf(text, whitelistEntry);
    if (good.length + wrong.length === 0)
      return err("expected at least one candidate, got an empty whitelist");
    const names = good.map(({ name }) => name.toLowerCase());
    const twice = new Set(names.filter((name, i) => names.indexOf(name) !== i));
    if (twice.size > 0) wrong.push(`expected each name once, got ${[...twice].join(", ")} twice`);
    return wrong.length > 0 ? err(wrong.join("; ")) : ok(good);
  },
};
