import { type Address, parseAddress, parseHost, parsePeer, parsePort } from "../address.ts";
import { err, ok, type Result } from "../result.ts";
import { type Form, refuse } from "./form.ts";

export const port: Form<number> = { expected: "a port from 1 to 65535", parse: parsePort };
export const host: Form<string> = { expected: "a host name or an IPv4 address", parse: parseHost };
/** A host that others must be able to reach. */
export const peer: Form<string> = { ...host, parse: parsePeer };
export const address: Form<Address> = { expected: "host:port", parse: (text) => parseAddress(text) };

/** Names, separated by spaces or commas. */
export const hosts: Form<string[]> = {
  expected: "host names",
  parse: (text) => {
    const { good, wrong } = partsOf(text, parseHost);
    return wrong.length > 0 ? err(wrong.join("; ")) : ok(good);
  },
};

/** The parts of a text that is split by spaces or commas, and what is wrong with the others. */
function partsOf<T>(text: string, parse: (part: string) => Result<T, string>) {
  const parsed = text
    .split(/[\s,]+/)
    .filter((part) => part !== "")
    .map(parse);
  return {
    good: parsed.flatMap((each) => (each.ok ? [each.value] : [])),
    wrong: parsed.flatMap((each) => (each.ok ? [] : [each.error])),
  };
}

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
    const name = parseHost(left);
    if (!name.ok) return name;
    const mapped = parseAddress(given);
    return mapped.ok ? ok({ name: name.value, ...mapped.value, mapped: true }) : mapped;
  },
};

/** An address whose port may be left out. */
export const withoutZero = ({ host, port }: Address) => ({ host, port: port === 0 ? undefined : port });

/** Entries split by spaces or commas; every wrong entry is named, and no name may stand twice. */
export const whitelist: Form<WhitelistEntry[]> = {
  expected: "at least one candidate",
  parse: (text) => {
    const { good, wrong } = partsOf(text, whitelistEntry.parse);
    if (good.length + wrong.length === 0)
      return err("expected at least one candidate, got an empty whitelist");
    const names = good.map(({ name }) => name.toLowerCase());
    const twice = new Set(names.filter((name, i) => names.indexOf(name) !== i));
    if (twice.size > 0) wrong.push(`expected each name once, got ${[...twice].join(", ")} twice`);
    return wrong.length > 0 ? err(wrong.join("; ")) : ok(good);
  },
};
