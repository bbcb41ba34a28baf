import { isIPv4 } from "node:net";
import * as z from "zod";
import * as hosts from "../../common/address.ts";
import { shownSentence } from "../../common/output/shown.ts";
import * as scalars from "../../common/values.ts";
import { type Form, form, matching } from "../../common/values.ts";
import { parseSubnet } from "./ipv4.ts";
import { RAY_NODES } from "./nodes.ts";

/** The single values of config.yaml. */

const parsed = <T, S extends string | number>(type: z.ZodType<S>, { parse }: Form<T>) =>
  type.transform((raw, context): T => {
    const result = parse(String(raw).trim());
    if (result.ok) return result.value;
    context.addIssue({ code: "custom", message: shownSentence(result.error), input: raw });
    return z.NEVER;
  });

const text = <T>(form: Form<T>) => parsed(z.string({ error: `expected ${form.expected}` }), form);

/** YAML types plain digits as numbers. The bounds of `number` are for editors; the form looks at both spellings. */
const numberOrText = <T>(form: Form<T>, number: z.ZodType<number> = z.number()) =>
  parsed(z.union([number, z.string()], { error: `expected ${form.expected}` }), form);

export const positiveSeconds = () => numberOrText(scalars.positiveSeconds);
export const seconds = () => numberOrText(scalars.seconds);
export const retries = () => numberOrText(scalars.wholeNumber(1, 1000));
export const memory = () => numberOrText(scalars.bytes);
export const port = () =>
  numberOrText(hosts.port, z.number().meta({ type: "integer", minimum: 1, maximum: 65535 }));
export const host = () => text(hosts.host);
export const hostPort = () => text(hosts.address);
export const httpUrl = () => text(hosts.httpUrl);
export const whitelistEntry = () => text(hosts.whitelistEntry);

/** Docker takes hundredths of a CPU; Ray counts tasks by whole ones, so that a node without one would run none. */
const CPUS = form("a number of CPUs from 1 to 1024", (text) => {
  const number = scalars.numberIn(text);
  return number >= 1 && number <= 1024 ? number : undefined;
});
export const cpus = () => numberOrText(CPUS);

const IPV4 = form("an IPv4 address", (address) => (isIPv4(address) ? address : undefined));
export const ipv4 = () => text(IPV4);

const SUBNET = form("an IPv4 network such as 172.28.0.0/16, with nothing set behind the prefix", (text) => {
  const network = parseSubnet(text);
  // A cluster needs the gateway, its services and the broadcast address.
  return network !== undefined && network.prefix >= 8 && network.prefix <= 28 ? network : undefined;
});
export const subnet = () => text(SUBNET);

const PROJECT = matching(
  "lower-case letters, digits, '-' and '_', as Docker Compose wants it",
  /^[a-z0-9][a-z0-9_-]{0,40}$/,
);
export const projectName = () => text(PROJECT);
export const image = () =>
  text(matching("an image name such as rayproject/ray:latest", /^[a-z0-9][\w.\-/:@]*$/));
export const version = () => numberOrText(matching("a version such as 2.60.0", /^\d+\.\d+\.\d+[\w.+-]*$/));
export const label = () => numberOrText(matching("a text", /^/));

/** The HEAD to test against: a service's name, or host:port. The original platform writes the service's key. */
const TARGET: Form<hosts.HostPort> = {
  expected: "a service's name or host:port",
  parse: (text) => hosts.hostPort.parse(RAY_NODES.find(({ key }) => key === text)?.name ?? text),
};
export const target = () => text(TARGET);
