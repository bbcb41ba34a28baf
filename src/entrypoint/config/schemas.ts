import * as z from "zod/mini";
import { type Address, parseAddress, parseHost, parsePeer, parsePort } from "../../common/address.ts";
import { parseBytes } from "../../common/bytes.ts";
import type { Result } from "../../common/result.ts";
import { hidden, shownSentence } from "../../common/shown.ts";

const QUOTED = "; remove the quotes: they are part of the value here";

/** A schema from the text of a variable to its value, made from a parser that explains itself. */
const fromText = <T>(parse: (text: string) => Result<T, string>) =>
  z.pipe(
    z.string(),
    z.transform((text, context) => {
      const parsed = parse(text.trim());
      if (parsed.ok) return parsed.value;
      const [, , inside] = /^(["'])(.*)\1$/s.exec(text.trim()) ?? [];
      const quoted = inside !== undefined && parse(inside.trim()).ok;
      const message = shownSentence(parsed.error) + (quoted ? QUOTED : "");
      context.issues.push({ code: "custom", message, input: text });
      return z.NEVER;
    }),
  );

const expected = (what: string, text: string): Result<never, string> => ({
  ok: false,
  error: `expected ${what}, got "${text}"`,
});
const value = <T>(parsed: T): Result<T, string> => ({ ok: true, value: parsed });

const LONGEST_TIME_S = 7 * 24 * 3600;

function parseSeconds(text: string, atLeastMs: number): Result<number, string> {
  const what = atLeastMs > 0 ? "seconds above 0 (decimals allowed)" : "seconds, 0 or more (decimals allowed)";
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  const ms = Math.round(seconds * 1000);
  if (!(ms >= atLeastMs)) return expected(what, text);
  return seconds <= LONGEST_TIME_S ? value(ms) : expected(`at most ${LONGEST_TIME_S} seconds`, text);
}

/** Seconds in the text, milliseconds in the value. */
export const PositiveSeconds = fromText((text) => parseSeconds(text, 1));
export const Seconds = fromText((text) => parseSeconds(text, 0));

export const Port = fromText(parsePort);
export const Host = fromText(parseHost);
/** A host that others must be able to reach. */
export const Peer = fromText(parsePeer);
/** Names, separated by spaces or commas. */
export const Hosts = fromText((text) => {
  const parsed = text
    .split(/[\s,]+/)
    .filter((each) => each !== "")
    .map(parseHost);
  const wrong = parsed.flatMap((each) => (each.ok ? [] : [each.error]));
  return wrong.length > 0
    ? { ok: false, error: wrong.join("; ") }
    : value(parsed.flatMap((each) => (each.ok ? [each.value] : [])));
});
export const HostPort = fromText((text) => parseAddress(text));

export const wholeNumber = (least: number, most: number) =>
  fromText((text) => {
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    return number >= least && number <= most
      ? value(number)
      : expected(`a whole number from ${least} to ${most}`, text);
  });

export const Bytes = fromText((text) => {
  const bytes = parseBytes(text);
  return bytes === undefined ? expected("bytes, such as 8589934592, 8g or 8Gi", text) : value(bytes);
});

/** Whole CPUs, also in thousandths as in Kubernetes (`4000m`). */
export const Cpus = fromText((text) => {
  const [, thousands] = /^(\d+)000m$/.exec(text) ?? [];
  const digits = thousands ?? text;
  return /^\d{1,7}$/.test(digits) && Number(digits) <= 1_000_000
    ? value(Number(digits))
    : expected("a whole number from 0 to 1000000", text);
});

export const Switch = fromText((text) => {
  if (/^(?:1|true|yes|on)$/i.test(text)) return value(true);
  return /^(?:0|false|no|off)$/i.test(text) ? value(false) : expected("true or false", text);
});

export const oneOf = <const T extends string>(...choices: readonly T[]) =>
  fromText((text) => {
    const choice = choices.find((each) => each === text);
    return choice === undefined ? expected(choices.join(" or "), text) : value(choice);
  });

export const Folder = fromText((text) =>
  text.startsWith("/") ? value(text) : expected("a path from the root, such as /opt/ray/bin", text),
);

/** The path of a file that holds a secret. The value is not shown, because it may be the secret itself by mistake. */
export const SecretFile = fromText((text) =>
  text.startsWith("/")
    ? value(text)
    : { ok: false, error: `expected the absolute path of a file, got ${hidden(text)}` },
);

/** What can stand in a header; its text is never shown, not even when it is wrong. */
export const Secret = fromText((text) =>
  /^[\x21-\x7e]{1,512}$/.test(text)
    ? value(text)
    : { ok: false, error: "expected up to 512 printable characters without spaces, got others" },
);

export const Words = fromText((text) =>
  /^[\w.-]{1,253}$/.test(text) ? value(text) : expected("letters, digits, '.', '_' and '-'", text),
);

export const User = fromText((text) =>
  /^[\w.+-]{1,253}\$?$|^\d+:\d+$/.test(text)
    ? value(text)
    : expected("the name of a user, a uid or uid:gid", text),
);

/** Null: no health service is wanted. */
export const HealthUrl = fromText((text) =>
  /^(?:none|no|off|false|disabled|-)$/i.test(text) ? value(null) : parseHttpUrl(text),
);

/** `http://host:port`, without what a health service cannot have (user, password, query). */
function parseHttpUrl(text: string): Result<string, string> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" || url.hostname === "")
    return expected("a URL such as http://health:8080", text);
  if (url.username || url.password || url.search || url.hash)
    return expected("a URL without user, password, query or fragment", text);
  const address = parseAddress(url.host, 80);
  return address.ok ? value(url.href.replace(/\/$/, "")) : address;
}

/** One entry of the whitelist. `port` is null where the entry names none. */
export interface WhitelistEntry {
  readonly name: string;
  readonly host: string;
  readonly port: number | null;
  /** True for `name=host:port`: the address was given, not derived from the name. */
  readonly mapped: boolean;
}

function parseEntry(text: string): Result<WhitelistEntry, string> {
  const [nameText = "", addressText, ...rest] = text.split("=");
  if (rest.length > 0) return expected("name, name:port or name=host:port", text);
  if (addressText !== undefined) {
    const name = parseHost(nameText);
    const address: Result<Address, string> = name.ok ? parseAddress(addressText) : name;
    if (!name.ok || !address.ok) return address as Result<never, string>;
    return value({ name: name.value, ...address.value, mapped: true });
  }
  const parsed = parseAddress(nameText, 0);
  if (!parsed.ok) return parsed;
  const { host, port } = parsed.value;
  return value({ name: host, host, port: port === 0 ? null : port, mapped: false });
}

const duplicates = (names: readonly string[]) => [
  ...new Set(names.filter((name, i) => names.indexOf(name) !== i)),
];

/** Entries split by spaces or commas; every wrong entry is named, and no name may stand twice. */
export const Whitelist = fromText((text) => {
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== "");
  if (entries.length === 0)
    return { ok: false, error: "expected at least one candidate, got an empty whitelist" };
  const parsed = entries.map(parseEntry);
  const wrong = parsed.flatMap((each) => (each.ok ? [] : [each.error]));
  const good = parsed.flatMap((each) => (each.ok ? [each.value] : []));
  const twice = duplicates(good.map((entry) => entry.name.toLowerCase()));
  if (twice.length > 0) wrong.push(`expected each name once, got ${twice.join(", ")} twice`);
  return wrong.length > 0 ? { ok: false, error: wrong.join("; ") } : value(good);
});
