import { isLoopback, sameHost } from "../../../common/address.ts";
import { isOwnHealth } from "../derive.ts";
import { nodeNames } from "../derive-nodes.ts";
import { HEALTH_NAME, HEALTH_PORT, RAY_NODES } from "../nodes.ts";
import type { ConfigFile } from "../schema.ts";
import { nearest } from "../validate.ts";
import { type Finding, pairs, type Rules } from "./rule.ts";

const URL_KEY = "nodes.health_service.url";
const OWN_URL = `http://${HEALTH_NAME}:${HEALTH_PORT}`;

/** The names in the file are names of what runs. */
export const NAME_RULES: Rules = {
  *aNodeRuns({ config, settings }) {
    const all = nodeNames(config);
    const sections = all.map(({ key }) => `services.ray.${key}`);
    if (settings.nodes.length === 0)
      yield {
        keys: ["services.ray", ...sections.map((section) => `${section}.enabled`)],
        problem: `expected at least one Ray service, got ${namesIn(config).join(" and ")} switched off`,
        fix: `Set enabled: true for ${sections.join(" or ")}.`,
      };
  },

  *candidatesAreNodes({ config, settings }) {
    const entries = config.nodes.head_whitelist ?? [];
    for (const [i, { name, host }] of entries.entries()) {
      const keys = [`nodes.head_whitelist[${i}]`] as const;
      if (entries.slice(0, i).some((earlier) => sameHost(earlier.name, name)))
        yield {
          keys,
          problem: `expected each candidate once, got ${name} again`,
          fix: "Remove one of the two.",
        };
      else if (isLoopback(host)) yield askedAtLoopback(keys[0], host);
      else if (settings.nodes.some((node) => node.name === name && node.isReplica))
        yield {
          keys,
          problem: `expected a node that may become HEAD, got ${name}, one of several replicas`,
          fix: "Remove it from the list, or describe that node by itself.",
        };
      else if (switchedOff(config, name) !== undefined)
        yield {
          keys,
          warning: true,
          problem: `${name} is switched off, so it is left out of the candidates`,
          fix: "Remove it from the list, or switch the service on.",
        };
      else if (!namesIn(config).includes(name)) yield unknownName(config, keys[0], name);
    }
  },

  *somebodyMayLead({ config: { nodes }, settings }) {
    const { candidates, headAddress } = settings;
    const runs = settings.nodes.length > 0;
    if (runs && candidates.length === 0 && headAddress === undefined)
      yield {
        keys: [nodes.head_whitelist === undefined ? "services.ray" : "nodes.head_whitelist"],
        problem: "expected at least one node that runs and may become HEAD, got none",
        fix: "Set candidate: true for a node, list one in nodes.head_whitelist, or name the HEAD in nodes.head_address.",
      };
  },

  /** An address elsewhere is fine; one of our own nodes must run and serve that port. */
  *headsRun({ config, settings }) {
    const { nodes, cluster_test } = config;
    const heads = {
      "nodes.head_address": nodes.head_address,
      "cluster_test.target": cluster_test.target && {
        ...cluster_test.target,
        host: settings.test.target.host,
      },
    };
    for (const [key, head] of Object.entries(heads)) {
      if (head === undefined) continue;
      const { host, port } = head;
      const off = switchedOff(config, host);
      const node = settings.nodes.find(({ name }) => name === host);
      if (off !== undefined)
        yield {
          keys: [key],
          problem: `expected a HEAD that runs, got ${host}, which is switched off`,
          fix: `Set services.ray.${off.key}.enabled: true, or name another.`,
        };
      else if (isLoopback(host)) yield askedAtLoopback(key, host);
      else if (node === undefined && nearest(host, namesIn(config)) !== undefined)
        yield unknownName(config, key, host);
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
      if (first.name !== second.name && sameHost(first.nodeIpAddress, second.nodeIpAddress))
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

const namesIn = (config: ConfigFile): string[] => nodeNames(config).flatMap(({ names }) => names);

const switchedOff = (config: ConfigFile, wanted: string) =>
  nodeNames(config).find(({ names, enabled }) => !enabled && names.includes(wanted));

function unknownName(config: ConfigFile, key: string, name: string): Finding {
  const near = nearest(name, namesIn(config));
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
