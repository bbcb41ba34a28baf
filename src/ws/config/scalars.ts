import { isIPv4 } from "node:net";
import * as z from "zod/mini";
import * as hosts from "../../common/address.ts";
import { shownSentence } from "../../common/output/shown.ts";
import * as values from "../../common/values.ts";
import { parseSubnet } from "./ipv4.ts";
import { described } from "./keys.ts";

/** The single values of config.yaml. */

const parsed = <T, S extends string | number>(type: z.ZodMiniType<S>, { parse }: values.Form<T>) =>
  z.pipe(
    type,
    z.transform((raw: S, { issues }): T => {
      const result = parse(String(raw).trim());
      if (result.ok) return result.value;
      issues.push({ code: "custom", message: shownSentence(result.error), input: raw });
      return z.NEVER;
    }),
  );

const text = <T>(form: values.Form<T>) => parsed(z.string({ error: `expected ${form.expected}` }), form);

/** YAML types plain digits as numbers. The bounds of `number` are for editors; the form looks at both spellings. */
const numberOrText = <T>(form: values.Form<T>, number: z.ZodMiniType<number> = z.number()) =>
  parsed(z.union([number, z.string()], { error: `expected ${form.expected}` }), form);

const matching = (expected: string, shape: RegExp) => text(values.matching(expected, shape));

export const onOff = z.boolean({ error: "expected true or false" });
export const state = z.enum(["auto", "none"], { error: "expected auto or none" });
export const positiveSeconds = numberOrText(values.positiveSeconds);
export const seconds = numberOrText(values.seconds);
export const retries = numberOrText(values.wholeNumber(1, 1000));
export const memory = numberOrText(values.bytes);
export const port = numberOrText(
  hosts.port,
  described(z.number(), { type: "integer", minimum: 1, maximum: 65535 }),
);
export const host = text(hosts.host);
export const hostPort = text(hosts.address);
export const httpUrl = text(hosts.httpUrl);
export const whitelistEntry = text(hosts.whitelistEntry);
export const version = numberOrText(values.matching("a version such as 2.60.0", /^\d+\.\d+\.\d+[\w.+-]*$/));
export const label = numberOrText(values.matching("a text", /^/));
export const image = matching("an image name such as rayproject/ray:latest", /^[a-z0-9][\w.\-/:@]*$/);
export const projectName = matching(
  "lower-case letters, digits, '-' and '_', as Docker Compose wants it",
  /^[a-z0-9][a-z0-9_-]{0,40}$/,
);

/** Docker takes hundredths of a CPU; Ray counts tasks by whole ones, so that a node without one would run none. */
export const cpus = numberOrText(
  values.form("a number of CPUs from 1 to 1024", (text) => {
    const number = values.numberIn(text);
    return number >= 1 && number <= 1024 ? number : undefined;
  }),
);

export const ipv4 = text(
  values.form("an IPv4 address", (address) => (isIPv4(address) ? address : undefined)),
);

/** A cluster needs the gateway, its services and the broadcast address. */
export const subnet = text(
  values.form("an IPv4 network such as 172.28.0.0/16, with nothing set behind the prefix", (text) => {
    const network = parseSubnet(text);
    return network && network.prefix >= 8 && network.prefix <= 28 ? network : undefined;
  }),
);

/** The HEAD to test against: a node's name or key, or host:port. */
export const target = text<hosts.HostPort>({
  expected: "a service's name or host:port",
  parse: hosts.hostPort.parse,
});

export const path = matching("a path or a name", /^\S.*$/);
export const replicas = numberOrText(values.wholeNumber(1, 1000));
export const gpuType = text(values.oneOf("nvidia", "amd"));
export const runtime = text(values.oneOf("nvidia", "runc"));

/** The name of a volume, a folder or a file; where it is mounted; options such as ro. */
export const volume = matching(
  "SOURCE:/TARGET or SOURCE:/TARGET:ro",
  /^(?:[a-zA-Z0-9][\w.-]+|[.~/][^:]*):\/[^:]*(?::[\w,]+)?$/,
);

const GPUS = { error: "expected all, a number, or a list of ids" };
export const gpus = z.union(
  [
    z.literal("all"),
    z.int().check(z.minimum(0, GPUS)),
    z.array(z.pipe(z.union([z.string(), z.number()], GPUS), z.transform(String))).check(z.minLength(1, GPUS)),
  ],
  GPUS,
);

const mapOf = <T extends z.ZodMiniType>(name: RegExp, value: T, expected: string) =>
  z.record(z.string().check(z.regex(name, { error: `expected ${expected}` })), value, {
    error: `expected ${expected}`,
  });

export const variables = mapOf(
  /^[A-Za-z_]\w*$/,
  z.pipe(
    z.union([z.string(), z.number(), z.boolean()], { error: "expected a text, a number, true or false" }),
    z.transform(String),
  ),
  "names of variables with their values",
);
/** `ray start` refuses others (ray/_private/label_utils.py, scripts.py, 2.60). */
export const labels = mapOf(
  /^(?!ray\.io\/)[A-Za-z0-9](?:[\w./-]*[A-Za-z0-9])?$/,
  z.pipe(
    label,
    z.string().check(
      z.regex(/^(?:[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)?$/, {
        error: "expected letters, digits, '-', '_' and '.'",
      }),
    ),
  ),
  "names of labels with their values",
);
const AMOUNT = { error: "expected a number from 0" };
export const resources = mapOf(
  /^(?!(?:CPU|GPU|memory|object_store_memory)$)\S+$/,
  z.number(AMOUNT).check(z.minimum(0, AMOUNT)),
  "names of custom resources with their amounts",
);
const LIMIT = { error: "expected a whole number, -1 for none, or soft and hard" };
const limit = z.int(LIMIT).check(z.minimum(-1, LIMIT));
export const ulimits = mapOf(
  /^[a-z]+$/,
  z.union([limit, z.strictObject({ soft: limit, hard: limit })], LIMIT),
  "names of limits with their values",
);
