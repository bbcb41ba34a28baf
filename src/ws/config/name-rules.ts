import { isLoopback, sameHost } from "../../common/address.ts";
import { isOwnHealth, type Settings } from "./derive.ts";
import { HEALTH_NAME, HEALTH_PORT, NODE_NAMES, RAY_NODES } from "./nodes.ts";
import { type Finding, pairs, type Rules } from "./rule.ts";
import { nearest } from "./validate.ts";

const SECTIONS = RAY_NODES.map(({ key }) => `services.ray.${key}`);
const URL_KEY = "nodes.health_service.url";
const OWN_URL = `http://${HEALTH_NAME}:${HEALTH_PORT}`;

/** The names in the file are names of what runs. */
export const NAME_RULES: Rules = {
  *aNodeRuns({ settings }) {
    if (settings.nodes.length === 0)
      yield {
        keys: ["services.ray", ...SECTIONS.map((section) => `${section}.enabled`)],
        problem: `expected at least one Ray service, got ${NODE_NAMES.join(" and ")} switched off`,
        fix: `Set enabled: true for ${SECTIONS.join(" or ")}.`,
      };
  },

  *candidatesAreNodes({ config: { nodes }, settings }) {
    const entries = nodes.head_whitelist ?? [];
    for (const [i, { name, host }] of entries.entries()) {
      const keys = [`nodes.head_whitelist[${i}]`] as const;
      if (entries.slice(0, i).some((earlier) => sameHost(earlier.name, name)))
        yield {
          keys,
          problem: `expected each candidate once, got ${name} again`,
          fix: "Remove one of the two.",
        };
      else if (isLoopback(host)) yield askedAtLoopback(keys[0], host);
      else if (switchedOff(settings, name) !== undefined)
        yield {
          keys,
          warning: true,
          problem: `${name} is switched off, so it is left out of the candidates`,
          fix: "Remove it from the list, or switch the service on.",
        };
      else if (!NODE_NAMES.includes(name)) yield unknownName(keys[0], name);
    }
  },

  *somebodyMayLead({ config: { nodes }, settings: { candidates, headAddress } }) {
    if (nodes.head_whitelist !== undefined && candidates.length === 0 && headAddress === undefined)
      yield {
        keys: ["nodes.head_whitelist"],
        problem: "expected at least one node that runs and may become HEAD, got none",
        fix: "List an enabled service, leave head_whitelist out, or name the HEAD in nodes.head_address.",
      };
  },

  /** An address elsewhere is fine; one of our own nodes must run and serve that port. */
  *headsRun({ config: { nodes, cluster_test }, settings }) {
    const heads = { "nodes.head_address": nodes.head_address, "cluster_test.target": cluster_test.target };
    for (const [key, head] of Object.entries(heads)) {
      if (head === undefined) continue;
      const { host, port } = head;
      const off = switchedOff(settings, host);
      const node = settings.nodes.find(({ name }) => name === host);
      if (off !== undefined)
        yield {
          keys: [key],
          problem: `expected a HEAD that runs, got ${off.name}, which is switched off`,
          fix: `Set services.ray.${off.key}.enabled: true, or name another.`,
        };
      else if (isLoopback(host)) yield askedAtLoopback(key, host);
      else if (node === undefined && nearest(host, NODE_NAMES) !== undefined) yield unknownName(key, host);
      else if (node !== undefined && port !== undefined && port !== node.headPort)
        yield {
          keys: [key, `${node.keyPrefix}head_port`],
          warning: true,
          problem: `port ${port} is not the head_port of ${node.name}, ${node.headPort}`,
          fix: `Write ${node.name}:${node.headPort}.`,
        };
    }
  },

  *nodesTellTheirOwnNames({ settings }) {
    for (const [first, second] of pairs(settings.nodes))
      if (sameHost(first.nodeIpAddress, second.nodeIpAddress))
        yield {
          keys: [`${second.keyPrefix}node_ip_address`, `${first.keyPrefix}node_ip_address`],
          problem: `expected a name that only this node tells its peers, got ${second.nodeIpAddress} for two nodes`,
          fix: "Leave node_ip_address out: each node then tells its own name.",
        };
  },

  *healthServiceIsThere({ config, settings: { health } }) {
    const url = new URL(config.nodes.health_service.url ?? OWN_URL);
    if (isLoopback(url.hostname)) yield askedAtLoopback(URL_KEY, url.hostname);
    else if (url.hostname !== HEALTH_NAME) return;
    else if (!health.enabled)
      yield {
        keys: ["services.health.enabled", URL_KEY],
        warning: true,
        problem: "the health service is switched off: without one only the first candidate may lead",
        fix: "Set nodes.health_service.url to a service elsewhere, if there is one.",
      };
    else if (!isOwnHealth(url.href, health.port))
      yield {
        keys: [URL_KEY, "services.health.port"],
        problem: `expected port ${HEALTH_PORT}, on which the health service answers in its network, got ${url.port || "80"}`,
        fix: `Write ${OWN_URL}; services.health.port is its port on the host.`,
      };
  },
};

const switchedOff = ({ nodes }: Settings, wanted: string) =>
  RAY_NODES.find(({ name }) => name === wanted && !nodes.some((node) => node.name === name));

function unknownName(key: string, name: string): Finding {
  const near = nearest(name, NODE_NAMES);
  return {
    keys: [key],
    warning: true,
    problem: `"${name}" is the hostname of no service here`,
    fix: near === undefined ? "Right only if that node runs elsewhere." : `Did you mean ${near}?`,
  };
}

/** What a container, or another machine, is told to ask at its own loopback. */
const askedAtLoopback = (key: string, host: string): Finding => ({
  keys: [key],
  warning: true,
  problem: `in a container ${host} is that container itself`,
  fix: `Write a service's name, such as ${RAY_NODES[0].name}, or the address of the machine that is meant.`,
});
