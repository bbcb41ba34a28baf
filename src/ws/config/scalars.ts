import { isIPv4 } from "node:net";
import * as z from "zod";
import { parseAddress, parseHost, parsePort } from "../../common/address.ts";
import { parseBytes } from "../../common/bytes.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { parseSubnet } from "./ipv4.ts";
import { RAY_NODES } from "./nodes.ts";

/** The single values of config.yaml. YAML types plain digits as numbers, so most of them take both spellings. */

const PROJECT = /^[a-z0-9][a-z0-9_-]{0,40}$/;
const IMAGE = /^[a-z0-9][\w.\-/:@]*$/;
const VERSION = /^\d+\.\d+\.\d+[\w.+-]*$/;

/** The bounds in the metadata of `number` are for editors; the parser looks at both spellings. */
const numberOrText = (expected: string, number: z.ZodType<number> = z.number()) =>
  z.union([number, z.string()], { error: expected });
const textOnly = (expected: string) => z.string({ error: expected });

/** `schema`, then `parse` on the text, whose error says what was expected and got. */
function parsed<S extends z.ZodType<string | number>, T>(
  schema: S,
  parse: (text: string) => Result<T, string>,
) {
  return schema.transform((raw, context): T => {
    const result = parse(String(raw).trim());
    if (result.ok) return result.value;
    context.addIssue({ code: "custom", message: result.error, input: raw });
    return z.NEVER;
  });
}

/** The text itself where it has the `form`. */
const matching = (expected: string, form: (text: string) => boolean) =>
  parsed(textOnly(expected), (text) => (form(text) ? ok(text) : err(`${expected}, got "${text}"`)));

const decimal = (expected: string, accepts: (value: number) => boolean, convert = (value: number) => value) =>
  parsed(numberOrText(expected), (text) => {
    const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    return accepts(value) ? ok(convert(value)) : err(`${expected}, got ${text}`);
  });

const A_WEEK_S = 7 * 24 * 3600;
const milliseconds = (s: number): number => Math.round(s * 1000);

/** Seconds in the file, milliseconds in the value. */
export const positiveSeconds = () =>
  decimal(
    "expected seconds above 0 and at most a week, decimals allowed",
    (s) => s >= 0.001 && s <= A_WEEK_S,
    milliseconds,
  );
export const seconds = () =>
  decimal(
    "expected seconds from 0 to a week, decimals allowed",
    (s) => s >= 0 && s <= A_WEEK_S,
    milliseconds,
  );

export const retries = () =>
  decimal("expected a whole number from 1 to 1000", (n) => Number.isInteger(n) && n >= 1 && n <= 1000);

/** Docker takes hundredths of a CPU; Ray counts tasks by whole ones, so that a node without one would run none. */
export const cpus = () => decimal("expected a number of CPUs from 1 to 1024", (n) => n >= 1 && n <= 1024);

export const port = () =>
  parsed(
    numberOrText(
      "expected a port from 1 to 65535",
      z.number().meta({ type: "integer", minimum: 1, maximum: 65535 }),
    ),
    parsePort,
  );

const MEMORY = "expected memory such as 8g, 8GiB, 8192m or a number of bytes";

function parseMemory(text: string): Result<number, string> {
  const bytes = parseBytes(text);
  return bytes === undefined ? err(`${MEMORY}, got "${text}"`) : ok(bytes);
}

/** Bytes in the value. */
export const memory = () => parsed(numberOrText(MEMORY), parseMemory);

export const host = () => parsed(textOnly("expected a host name or an IPv4 address"), parseHost);
export const hostPort = () => parsed(textOnly("expected host:port"), parseAddress);

export const ipv4 = () => matching("expected an IPv4 address", isIPv4);
const SUBNET = "expected an IPv4 network such as 172.28.0.0/16, with nothing set behind the prefix";

export const subnet = () =>
  parsed(textOnly(SUBNET), (text) => {
    const network = parseSubnet(text);
    // A cluster needs the gateway, its services and the broadcast address.
    return network !== undefined && network.prefix >= 8 && network.prefix <= 28
      ? ok(network)
      : err(`${SUBNET}, got "${text}"`);
  });

export const projectName = () =>
  matching("expected lower-case letters, digits, '-' and '_', as Docker Compose wants it", (text) =>
    PROJECT.test(text),
  );
export const image = () =>
  matching("expected an image name such as rayproject/ray:latest", (text) => IMAGE.test(text));
export const version = () =>
  parsed(numberOrText("expected a version such as 2.60.0"), (text) =>
    VERSION.test(text) ? ok(text) : err(`expected a version such as 2.60.0, got "${text}"`),
  );
export const label = () => parsed(numberOrText("expected a text"), (text) => ok(text));

const URL_FORM = "expected a URL such as http://health:8080";

/** Without what a health service cannot have; a password in it must not be shown. */
export const httpUrl = () =>
  parsed(textOnly(URL_FORM), (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol !== "http:" || url.hostname === "")
      return err(`${URL_FORM}, got "${text.replace(/\/\/[^@/]*@/, "//…@")}"`);
    if (url.username || url.password || url.search || url.hash)
      return err(`${URL_FORM}, got one with user, password, query or fragment`);
    // Port 0 and IPv6, which the entrypoint refuses as well.
    const address = parseAddress(url.host, 80);
    return address.ok ? ok(url.href.replace(/\/$/, "")) : address;
  });

/** A candidate as the file names it. `port` is undefined where the entry leaves it to the service. */
export interface WhitelistEntry {
  readonly name: string;
  readonly host: string;
  readonly port: number | undefined;
}

const ENTRY = "expected name, name:port or name=host:port";

function parseEntry(text: string): Result<WhitelistEntry, string> {
  const [left = "", address, ...rest] = text.split("=");
  if (rest.length > 0) return err(`${ENTRY}, got "${text}"`);
  if (address === undefined) {
    const parsedLeft = parseAddress(left, 0);
    if (!parsedLeft.ok) return parsedLeft;
    const { host: name, port: ownPort } = parsedLeft.value;
    return ok({ name, host: name, port: ownPort === 0 ? undefined : ownPort });
  }
  const name = parseHost(left);
  if (!name.ok) return name;
  const mapped = parseAddress(address);
  return mapped.ok ? ok({ name: name.value, ...mapped.value }) : mapped;
}

export const whitelistEntry = () => parsed(textOnly(ENTRY), parseEntry);

/** The HEAD to test against: a service's name, or host:port. The original platform writes the service's key. */
export const target = () =>
  parsed(
    textOnly("expected a service's name or host:port"),
    (text): Result<{ host: string; port: number | undefined }, string> => {
      const address = parseAddress(RAY_NODES.find(({ key }) => key === text)?.name ?? text, 0);
      if (!address.ok) return address;
      return ok({ host: address.value.host, port: address.value.port || undefined });
    },
  );
