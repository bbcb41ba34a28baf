import type { Settings } from "../config/settings.ts";
import { freeNetwork, overlapping } from "../drivers/compose/conflicts.ts";
import type { DockerFacts, MachineFacts } from "./facts.ts";
import { ASK_AGAIN, bad, type Finding, good, note } from "./finding.ts";

/** Whether the networks, ports and images that the containers need are theirs to have. Pure. */
export function networkFindings(
  settings: Settings,
  { routes }: MachineFacts,
  { networks, ports, missingImages }: DockerFacts,
): Finding[] {
  return [
    ...(networks.ok
      ? subnets(settings, routes, networks.value)
      : [bad("Subnets", `the engine cannot list its networks: ${networks.error}`, ASK_AGAIN)]),
    ...(ports.length > 0
      ? ports.map(({ where, problem, fix }) => bad("Ports", `${where}: ${problem}`, fix))
      : [good("Ports", "those that the cluster publishes are free, or its own")]),
    ...missingImages.map((image) =>
      note("Images", `${image} is not here yet`, `The first ws up pulls it; by hand: docker pull ${image}`),
    ),
  ];
}

type Networks = Extract<DockerFacts["networks"], { ok: true }>["value"];

function subnets(settings: Settings, routes: MachineFacts["routes"], networks: Networks): Finding[] {
  const wanted = [
    { key: "network.subnet", text: settings.subnet },
    { key: "cluster_test.test_network_subnet", text: settings.testSubnet },
  ];
  const clashes = wanted.flatMap(({ key, text }) => [
    ...networks
      .filter(({ subnets }) => subnets.some((each) => overlapping(each, text)))
      .map((network) =>
        bad(
          "Subnets",
          `${key} ${text} meets ${network.subnets.join(", ")} of the engine's network ${network.name}`,
          freeNetwork(key, network),
        ),
      ),
    ...routes
      .filter(({ subnet }) => overlapping(subnet, text))
      .map(({ device, subnet }) =>
        bad(
          "Subnets",
          `${key} ${text} meets ${subnet}, which this machine reaches through ${device} (a LAN or a VPN)`,
          `Set another ${key}: containers would hide that network, or it them.`,
        ),
      ),
  ]);
  return clashes.length > 0
    ? clashes
    : [good("Subnets", `${settings.subnet} and ${settings.testSubnet} are free`)];
}
