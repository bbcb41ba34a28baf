import { SERVICE_NAMES } from "../derive.ts";
import type { KeyPath } from "../document.ts";
import { nearest } from "../known-keys.ts";
import type { ConfigFile } from "../schema.ts";
import { askedAtLoopback, enabledServices, type Finding, type NamedService, rayServices } from "./finding.ts";

const WHITELIST: KeyPath = ["nodes", "head_whitelist"];

/** At least one node runs, and the names in the file are names of nodes that run. */
export function checkNames(config: ConfigFile): readonly Finding[] {
  return [
    ...anyNode(config),
    ...whitelist(config),
    ...headAddress(config),
    ...target(config),
    ...advertised(config),
  ];
}

function anyNode(config: ConfigFile): readonly Finding[] {
  if (enabledServices(config).length > 0) return [];
  return [
    {
      severity: "problem",
      path: ["services", "ray"],
      against: [
        ["services", "ray", "cpu", "enabled"],
        ["services", "ray", "gpu", "enabled"],
      ],
      problem: "expected at least one Ray service, got both ray-cpu and ray-gpu switched off",
      fix: "Set enabled: true for services.ray.cpu or services.ray.gpu.",
    },
  ];
}

function whitelist(config: ConfigFile): readonly Finding[] {
  const entries = config.nodes.head_whitelist;
  if (entries === undefined) return [];
  const seen = new Set<string>();
  const findings = entries.flatMap((entry, i): Finding[] => {
    const path = [...WHITELIST, i];
    const name = entry.name.toLowerCase();
    if (seen.has(name)) return [twice(path, entry.name)];
    seen.add(name);
    const itself = askedAtLoopback(path, entry.host);
    return itself.length > 0 ? itself : knownCandidate(config, path, entry.name);
  });
  const nobody = entries.every(({ name }) => isSwitchedOff(config, name));
  return nobody && config.nodes.head_address === undefined ? [...findings, noCandidate()] : findings;
}

const isSwitchedOff = (config: ConfigFile, name: string): boolean =>
  rayServices(config).some((each) => each.name === name && !each.service.enabled);

const noCandidate = (): Finding => ({
  severity: "problem",
  path: WHITELIST,
  problem: "expected at least one node that runs and may become HEAD, got none",
  fix: "List an enabled service, leave head_whitelist out, or name the HEAD in nodes.head_address.",
});

const twice = (path: KeyPath, name: string): Finding => ({
  severity: "problem",
  path,
  problem: `expected each candidate once, got ${name} again`,
  fix: "Remove one of the two.",
});

function knownCandidate(config: ConfigFile, path: KeyPath, name: string): Finding[] {
  if (isSwitchedOff(config, name))
    return [
      {
        severity: "warning",
        path,
        problem: `${name} is switched off, so it is left out of the candidates`,
        fix: "Remove it from the list, or switch the service on.",
      },
    ];
  const services: readonly string[] = SERVICE_NAMES;
  if (services.includes(name)) return [];
  const near = nearest(name, services);
  return [
    {
      severity: "warning",
      path,
      problem: `"${name}" is the hostname of no service here`,
      fix: near === undefined ? "Right only if that node runs elsewhere." : `Did you mean ${near}?`,
    },
  ];
}

function headAddress(config: ConfigFile): readonly Finding[] {
  const address = config.nodes.head_address;
  return address === undefined
    ? []
    : namedHead(config, ["nodes", "head_address"], address.host, address.port);
}

function target(config: ConfigFile): readonly Finding[] {
  const wanted = config.cluster_test.target;
  return wanted === undefined ? [] : namedHead(config, ["cluster_test", "target"], wanted.host, wanted.port);
}

/** An address elsewhere is fine; one of our own nodes must run and serve that port. */
function namedHead(config: ConfigFile, path: KeyPath, host: string, port: number | undefined): Finding[] {
  const service = rayServices(config).find(({ name }) => name === host);
  if (service !== undefined) return ownHead(service, path, port);
  const near = nearest(host, SERVICE_NAMES);
  return near === undefined
    ? askedAtLoopback(path, host)
    : [
        {
          severity: "warning",
          path,
          problem: `"${host}" is the hostname of no service here`,
          fix: `Did you mean ${near}?`,
        },
      ];
}

function ownHead(
  { name, path: servicePath, service }: NamedService,
  path: KeyPath,
  port: number | undefined,
): Finding[] {
  if (!service.enabled)
    return [
      {
        severity: "problem",
        path,
        problem: `expected a HEAD that runs, got ${name}, which is switched off`,
        fix: `Set ${servicePath.join(".")}.enabled: true, or name another.`,
      },
    ];
  if (port === undefined || port === service.head_port) return [];
  return [
    {
      severity: "warning",
      path,
      against: [[...servicePath, "head_port"]],
      problem: `port ${port} is not the head_port of ${name}, ${service.head_port}`,
      fix: `Write ${name}:${service.head_port}.`,
    },
  ];
}

function advertised(config: ConfigFile): readonly Finding[] {
  const [first, second] = enabledServices(config).map((each) => ({
    path: [...each.path, "node_ip_address"],
    name: (each.service.node_ip_address ?? each.name).toLowerCase(),
  }));
  if (first === undefined || second === undefined || first.name !== second.name) return [];
  return [
    {
      severity: "problem",
      path: second.path,
      against: [first.path],
      problem: `expected a name that only this node tells its peers, got ${second.name} for two nodes`,
      fix: "Leave node_ip_address out: each node then tells its own name.",
    },
  ];
}
