import { sameHost } from "../../../common/address.ts";
import { nearest } from "../known-keys.ts";
import { NODE_NAMES, RAY_NODES } from "../nodes.ts";
import type { NodeSettings, Settings } from "../types.ts";
import { askedAtLoopback, type Cluster, type Finding, pairs, type Rule } from "./rule.ts";

const WHITELIST = "nodes.head_whitelist";

/** At least one node runs, and the names in the file are names of nodes that run. */
export const checkNames: Rule = ({ config, settings }) => [
  ...(settings.nodes.length === 0 ? [NO_NODE] : []),
  ...whitelist(config, settings),
  ...namedHead(settings, "nodes.head_address", config.nodes.head_address),
  ...namedHead(settings, "cluster_test.target", config.cluster_test.target),
  ...pairs(settings.nodes)
    .filter(([a, b]) => sameHost(a.nodeIpAddress, b.nodeIpAddress))
    .map(advertisedTwice),
];

const SECTIONS = RAY_NODES.map(({ key }) => `services.ray.${key}`);

const NO_NODE: Finding = {
  key: "services.ray",
  against: SECTIONS.map((section) => `${section}.enabled`),
  problem: `expected at least one Ray service, got ${NODE_NAMES.join(" and ")} switched off`,
  fix: `Set enabled: true for ${SECTIONS.join(" or ")}.`,
};

/** The entry of a node that config.yaml switches off. */
const switchedOff = ({ nodes }: Settings, wanted: string) =>
  RAY_NODES.find(({ name }) => name === wanted && !nodes.some((node) => node.name === name));

function whitelist({ nodes }: Cluster["config"], settings: Settings): Finding[] {
  const entries = nodes.head_whitelist;
  if (entries === undefined) return [];
  const findings = entries.flatMap(({ name, host }, i): Finding[] => {
    const key = `${WHITELIST}[${i}]`;
    if (entries.slice(0, i).some((earlier) => sameHost(earlier.name, name))) return [listedTwice(key, name)];
    const itself = askedAtLoopback(key, host);
    return itself.length > 0 ? itself : candidate(settings, key, name);
  });
  const someone = settings.candidates.length > 0 || settings.headAddress !== undefined;
  return someone ? findings : [...findings, NO_CANDIDATE];
}

const NO_CANDIDATE: Finding = {
  key: WHITELIST,
  problem: "expected at least one node that runs and may become HEAD, got none",
  fix: "List an enabled service, leave head_whitelist out, or name the HEAD in nodes.head_address.",
};

const listedTwice = (key: string, name: string): Finding => ({
  key,
  problem: `expected each candidate once, got ${name} again`,
  fix: "Remove one of the two.",
});

function candidate(settings: Settings, key: string, name: string): Finding[] {
  if (switchedOff(settings, name) !== undefined)
    return [
      {
        key,
        warning: true,
        problem: `${name} is switched off, so it is left out of the candidates`,
        fix: "Remove it from the list, or switch the service on.",
      },
    ];
  if (NODE_NAMES.includes(name)) return [];
  const near = nearest(name, NODE_NAMES);
  return [
    unknownName(key, name, near === undefined ? "Right only if that node runs elsewhere." : didYouMean(near)),
  ];
}

const didYouMean = (near: string): string => `Did you mean ${near}?`;

const unknownName = (key: string, name: string, fix: string): Finding => ({
  key,
  warning: true,
  problem: `"${name}" is the hostname of no service here`,
  fix,
});

interface NamedHead {
  readonly host: string;
  readonly port: number | undefined;
}

/** An address elsewhere is fine; one of our own nodes must run and serve that port. */
function namedHead(settings: Settings, key: string, head: NamedHead | undefined): Finding[] {
  if (head === undefined) return [];
  const off = switchedOff(settings, head.host);
  if (off !== undefined)
    return [
      {
        key,
        problem: `expected a HEAD that runs, got ${off.name}, which is switched off`,
        fix: `Set services.ray.${off.key}.enabled: true, or name another.`,
      },
    ];
  const node = settings.nodes.find(({ name }) => name === head.host);
  if (node !== undefined) return otherPort(node, key, head.port);
  const near = nearest(head.host, NODE_NAMES);
  return near === undefined
    ? askedAtLoopback(key, head.host)
    : [unknownName(key, head.host, didYouMean(near))];
}

function otherPort(
  { name, keyPrefix, headPort }: NodeSettings,
  key: string,
  port: number | undefined,
): Finding[] {
  if (port === undefined || port === headPort) return [];
  return [
    {
      key,
      against: [`${keyPrefix}head_port`],
      warning: true,
      problem: `port ${port} is not the head_port of ${name}, ${headPort}`,
      fix: `Write ${name}:${headPort}.`,
    },
  ];
}

const advertisedTwice = ([first, second]: readonly [NodeSettings, NodeSettings]): Finding => ({
  key: `${second.keyPrefix}node_ip_address`,
  against: [`${first.keyPrefix}node_ip_address`],
  problem: `expected a name that only this node tells its peers, got ${second.nodeIpAddress} for two nodes`,
  fix: "Leave node_ip_address out: each node then tells its own name.",
});
