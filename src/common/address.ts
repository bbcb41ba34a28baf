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

/** Host names ignore case. */
export const sameHost = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

export const sameAddress = (a: Address, b: Address): boolean => isAt(a, formatAddress(b));

/** True when the text names this host and port. */
export const isAt = (address: Address, text: string): boolean => sameHost(formatAddress(address), text);

/** True when one is the short form of the other, as `gpu01` of `gpu01.lab.example`; with different domains they are two hosts. */
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

/** A host that others must be able to reach: not 0.0.0.0. */
export const peer: Form<string> = {
  ...host,
  parse: (text) =>
    /^0+(?:\.0+){3}$/.test(text)
      ? err(`expected the address of one host, got "${text}", which means "every address of this machine"`)
      : host.parse(text),
};

/** An address as people write it. */
export interface HostPort {
  readonly host: string;
  readonly port: number | undefined;
}

/** With brackets or without, with a port or without. */
const LIKE_IPV6 = /^\[[\da-f.]*:|^[\da-f.]*:[\da-f.]*:[\da-f:.]*$/i;

/** A host that others can reach, and its port, which may be left out. */
export const hostPort: Form<HostPort> = {
  expected: "host:port",
  parse: (text) => {
    if (LIKE_IPV6.test(text))
      return err(`expected host:port, got the IPv6 address "${text}"; give the host a name instead`);
    const [hostText = "", portText, ...rest] = text.split(":");
    if (rest.length > 0) return err(`expected host:port, got "${text}"`);
    const parsed = peer.parse(hostText);
    if (!parsed.ok) return parsed;
    const at = portText === undefined ? ok(undefined) : port.parse(portText);
    return at.ok ? ok({ host: parsed.value, port: at.value }) : err(`${at.error} in "${text}"`);
  },
};

/** `host:port`, or the sentence that says why not; the port may be left out where `defaultPort` is given. */
export function parseAddress(text: string, defaultPort?: number): Result<Address, string> {
  const parsed = hostPort.parse(text);
  if (!parsed.ok) return parsed;
  const { host, port = defaultPort } = parsed.value;
  return port === undefined ? err(`expected host:port, got "${text}" without a port`) : ok({ host, port });
}

export const address: Form<Address> = { ...hostPort, parse: (text) => parseAddress(text) };

/** Values split by spaces or commas: every wrong one is named, and what is wrong with them together. */
const listOf = <T>(
  expected: string,
  each: Form<T>,
  check: (good: T[], count: number) => string[] = () => [],
): Form<T[]> => ({
  expected,
  parse: (text) => {
    const parts = text.split(/[\s,]+/).filter((part) => part !== "");
    const parsed = parts.map(each.parse);
    const good = parsed.flatMap((one) => (one.ok ? [one.value] : []));
    const wrong = parsed.flatMap((one) => (one.ok ? [] : [one.error])).concat(check(good, parts.length));
    return wrong.length > 0 ? err(wrong.join("; ")) : ok(good);
  },
});

const atLeastOne = (what: string) => (_: unknown, count: number) =>
  count === 0 ? [`expected at least one ${what}`] : [];

export const addresses = listOf("addresses", address, atLeastOne("address"));

export const hosts = listOf("host names", host);

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

export const httpUrls = listOf("a URL such as http://health:8080", httpUrl, atLeastOne("URL"));

/** One candidate. */
export interface WhitelistEntry extends HostPort {
  readonly name: string;
  /** True for `name=host:port`: the address was given, not derived from the name. */
  readonly mapped: boolean;
}

export const whitelistEntry: Form<WhitelistEntry> = {
  expected: "name, name:port or name=host:port",
  parse: (text) => {
    const [left = "", given, ...rest] = text.split("=");
    if (rest.length > 0) return refuse(whitelistEntry.expected, text);
    const mapped = given !== undefined;
    const name = mapped ? host.parse(left) : ok("");
    if (!name.ok) return name;
    const at = mapped ? parseAddress(given) : hostPort.parse(left);
    return at.ok ? ok({ name: name.value || at.value.host, ...at.value, mapped }) : at;
  },
};

export const whitelist = listOf("at least one candidate", whitelistEntry, (entries, count) => {
  if (count === 0) return ["expected at least one candidate, got an empty whitelist"];
  const names = entries.map(({ name }) => name.toLowerCase());
  const twice = new Set(names.filter((name, i) => names.indexOf(name) !== i));
  return twice.size > 0 ? [`expected each name once, got ${[...twice].join(", ")} twice`] : [];
});
