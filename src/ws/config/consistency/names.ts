import { sameHost } from "../../../common/address.ts";
import { nearest } from "../known-keys.ts";
import { NODE_NAMES, RAY_NODES } from "../nodes.ts";
import type { Settings } from "../types.ts";
import { askedAtLoopback, type ConfigRead, type Inconsistency, pairs } from "./rule.ts";

const SECTIONS = RAY_NODES.map(({ key }) => `services.ray.${key}`);

/** At least one node runs, and the names in the file are names of nodes that run. */
export function* checkNames({ config, settings }: ConfigRead): Iterable<Inconsistency> {
  if (settings.nodes.length === 0)
    yield {
      key: "services.ray",
      against: SECTIONS.map((section) => `${section}.enabled`),
      problem: `expected at least one Ray service, got ${NODE_NAMES.join(" and ")} switched off`,
      fix: `Set enabled: true for ${SECTIONS.join(" or ")}.`,
    };
  yield* checkWhitelist(config.nodes.head_whitelist ?? [], settings);
  if (config.nodes.head_whitelist !== undefined && !hasCandidate(settings))
    yield {
      key: "nodes.head_whitelist",
      problem: "expected at least one node that runs and may become HEAD, got none",
      fix: "List an enabled service, leave head_whitelist out, or name the HEAD in nodes.head_address.",
    };
  yield* checkHead(settings, "nodes.head_address", config.nodes.head_address);
  yield* checkHead(settings, "cluster_test.target", config.cluster_test.target);
  for (const [first, second] of pairs(settings.nodes))
    if (sameHost(first.nodeIpAddress, second.nodeIpAddress))
      yield {
        key: `${second.keyPrefix}node_ip_address`,
        against: [`${first.keyPrefix}node_ip_address`],
        problem: `expected a name that only this node tells its peers, got ${second.nodeIpAddress} for two nodes`,
        fix: "Leave node_ip_address out: each node then tells its own name.",
      };
}

const hasCandidate = ({ candidates, headAddress }: Settings): boolean =>
  candidates.length > 0 || headAddress !== undefined;

/** The entry of a node that config.yaml switches off. */
const switchedOff = ({ nodes }: Settings, wanted: string) =>
  RAY_NODES.find(({ name }) => name === wanted && !nodes.some((node) => node.name === name));

type Whitelist = NonNullable<ConfigRead["config"]["nodes"]["head_whitelist"]>;

function* checkWhitelist(entries: Whitelist, settings: Settings): Iterable<Inconsistency> {
  for (const [i, { name, host }] of entries.entries()) {
    const key = `nodes.head_whitelist[${i}]`;
    const [itself] = askedAtLoopback(key, host);
    if (entries.slice(0, i).some((earlier) => sameHost(earlier.name, name)))
      yield {
        key,
        problem: `expected each candidate once, got ${name} again`,
        fix: "Remove one of the two.",
      };
    else if (itself !== undefined) yield itself;
    else if (switchedOff(settings, name) !== undefined)
      yield {
        key,
        warning: true,
        problem: `${name} is switched off, so it is left out of the candidates`,
        fix: "Remove it from the list, or switch the service on.",
      };
    else if (!NODE_NAMES.includes(name)) yield unknownName(key, name, nearest(name, NODE_NAMES));
  }
}

const unknownName = (key: string, name: string, near: string | undefined): Inconsistency => ({
  key,
  warning: true,
  problem: `"${name}" is the hostname of no service here`,
  fix: near === undefined ? "Right only if that node runs elsewhere." : `Did you mean ${near}?`,
});

interface NamedHead {
  readonly host: string;
  readonly port: number | undefined;
}

/** An address elsewhere is fine; one of our own nodes must run and serve that port. */
function* checkHead(settings: Settings, key: string, head: NamedHead | undefined): Iterable<Inconsistency> {
  if (head === undefined) return;
  const { host, port } = head;
  const off = switchedOff(settings, host);
  const node = settings.nodes.find(({ name }) => name === host);
  const near = nearest(host, NODE_NAMES);
  if (off !== undefined)
    yield {
      key,
      problem: `expected a HEAD that runs, got ${off.name}, which is switched off`,
      fix: `Set services.ray.${off.key}.enabled: true, or name another.`,
    };
  else if (node === undefined)
    yield* near === undefined ? askedAtLoopback(key, host) : [unknownName(key, host, near)];
  else if (port !== undefined && port !== node.headPort)
    yield {
      key,
      against: [`${node.keyPrefix}head_port`],
      warning: true,
      problem: `port ${port} is not the head_port of ${node.name}, ${node.headPort}`,
      fix: `Write ${node.name}:${node.headPort}.`,
    };
}
