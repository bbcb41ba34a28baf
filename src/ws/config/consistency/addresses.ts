import { isIPv4 } from "node:net";
import { insideOf, overlap, usableIn } from "../ipv4.ts";
import type { Placement, Settings } from "../types.ts";
import { type ConfigRead, type Inconsistency, pairs } from "./rule.ts";

const SUBNET = "network.subnet";
const TEST_SUBNET = "cluster_test.test_network_subnet";

interface Placed extends Placement {
  readonly key: string;
}

/** Every fixed address of the main network, whether it was written or follows from the subnet. */
const placed = ({ health, nodes }: Settings): Placed[] => [
  ...(health.enabled ? [{ ...health, key: "services.health.ip_address" }] : []),
  ...nodes.map((node) => ({ ...node, key: `${node.keyPrefix}ip_address` })),
];

/** Addresses lie in their network and stand once; the two networks and the host's address are isolated. */
export function* checkAddresses(read: ConfigRead): Iterable<Inconsistency> {
  yield* checkPlaces(read);
  yield* checkNetworks(read);
  yield* checkHost(read);
  yield* checkAdvertised(read);
}

function* checkPlaces({ config, settings, isWritten }: ConfigRead): Iterable<Inconsistency> {
  const { subnet } = config.network;
  const places = placed(settings);
  for (const { key, address } of places)
    if (!usableIn(subnet, address))
      yield {
        key,
        against: [SUBNET],
        problem: `expected an address that a container can have in network.subnet ${subnet.text}, got ${address}`,
        fix: "Choose one inside the subnet that is not its first, second (the gateway) or last, or leave the key out.",
      };
  for (const [a, b] of pairs(places).filter(([{ address }, other]) => address === other.address)) {
    const [other, mine] = isWritten(b.key) ? [a, b] : [b, a];
    yield {
      key: mine.key,
      against: [other.key, SUBNET],
      problem: `expected an address of its own, got ${mine.address}, which is also that of ${other.key.replace(".ip_address", "")}`,
      fix: "Give each service another address.",
    };
  }
}

/** The embedded runtime puts each address at its twin in 127.0.0.0/8: two of them must not fall together either. */
function* checkNetworks({ config, settings }: ConfigRead): Iterable<Inconsistency> {
  const [main, test] = [config.network.subnet, config.cluster_test.test_network_subnet];
  const inTest = [settings.test.client, settings.test.worker].map(({ loopbackAddress }) => loopbackAddress);
  const both = placed(settings).find(({ loopbackAddress }) => inTest.includes(loopbackAddress));
  if (overlap(main, test))
    yield {
      key: TEST_SUBNET,
      against: [SUBNET],
      problem: `expected a network apart from network.subnet ${main.text}, got ${test.text}`,
      fix: "Choose two networks that share no address.",
    };
  else if (both !== undefined)
    yield {
      key: TEST_SUBNET,
      against: [SUBNET, both.key],
      problem: `expected a network that differs from network.subnet ${main.text} behind the first number, got ${test.text}: on this machine's loopback both have ${both.loopbackAddress}`,
      fix: "Choose another second or third number for one of the two.",
    };
}

function* checkHost({ config }: ConfigRead): Iterable<Inconsistency> {
  const address = config.host.ip_address;
  if (address === undefined) return;
  const networks = [config.network.subnet, config.cluster_test.test_network_subnet];
  const why = address.startsWith("127.")
    ? "which inside a container is the container itself"
    : networks.some((network) => insideOf(network, address))
      ? "which lies inside one of the cluster's own networks"
      : undefined;
  if (why !== undefined)
    yield {
      key: "host.ip_address",
      against: [SUBNET, TEST_SUBNET],
      problem: `expected an address of this machine that containers reach, got ${address}, ${why}`,
      fix: "Write the machine's address in its own network, or leave the key out to have it found.",
    };
}

/** A name is resolved by each network in its own way; an address has to be one that the container has, since Ray binds it. */
function* checkAdvertised({ settings }: ConfigRead): Iterable<Inconsistency> {
  for (const { keyPrefix, address, nodeIpAddress } of settings.nodes)
    if (isIPv4(nodeIpAddress) && nodeIpAddress !== address)
      yield {
        key: `${keyPrefix}node_ip_address`,
        against: [SUBNET, `${keyPrefix}ip_address`],
        problem: `expected a name or the node's own address ${address}, got ${nodeIpAddress}, which Ray cannot bind in the container`,
        fix: "Leave the key out: the node's name is resolved by each network in its own way, also across NAT.",
      };
}
