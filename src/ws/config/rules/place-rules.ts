import { isIPv4 } from "node:net";
import type { Settings } from "../derive.ts";
import { insideOf, overlap, usableIn } from "../ipv4.ts";
import { fixedPorts, formatPorts, portsOverlap } from "../ports.ts";
import { pairs, type Rules } from "./rule.ts";

const SUBNET = "network.subnet";
const TEST_SUBNET = "cluster_test.test_network_subnet";

/** The engine publishes each of them by itself: some thousands take it minutes, and gigabytes for docker-proxy. */
const MAX_WORKER_PORTS = 1000;
/** The least that Ray takes: ray/_private/ray_constants.py OBJECT_STORE_MINIMUM_MEMORY_BYTES, 2.40 to 2.60. */
const MIN_OBJECT_STORE = 75 * 2 ** 20;

/** Addresses, ports and memory: they are there, and taken once. */
export const PLACE_RULES: Rules = {
  *addressesAreUsable({ config: { network }, settings }) {
    for (const { key, address } of placed(settings))
      if (!usableIn(network.subnet, address))
        yield {
          keys: [key, SUBNET],
          problem: `expected an address that a container can have in network.subnet ${settings.subnet}, got ${address}`,
          fix: "Choose one inside the subnet that is not its first, second (the gateway) or last, or leave the key out.",
        };
  },

  *addressesStandOnce({ settings, isWritten }) {
    for (const [a, b] of pairs(placed(settings)).filter(
      ([a, b]) => a.key !== b.key && a.address === b.address,
    )) {
      const [other, mine] = isWritten(b.key) ? [a, b] : [b, a];
      yield {
        keys: [mine.key, other.key, SUBNET],
        problem: `expected an address of its own, got ${mine.address}, which is also that of ${other.key.replace(".ip_address", "")}`,
        fix: "Give each service another address.",
      };
    }
  },

  /** The embedded runtime puts each address at its twin in 127.0.0.0/8: two of them must not fall together either. */
  *networksAreApart({ config: { network, cluster_test }, settings }) {
    const { subnet, testSubnet, test } = settings;
    const inTest = [test.client.loopbackAddress, test.worker.loopbackAddress];
    const both = placed(settings).find(({ loopbackAddress }) => inTest.includes(loopbackAddress));
    if (overlap(network.subnet, cluster_test.test_network_subnet))
      yield {
        keys: [TEST_SUBNET, SUBNET],
        problem: `expected a network apart from network.subnet ${subnet}, got ${testSubnet}`,
        fix: "Choose two networks that share no address.",
      };
    else if (both !== undefined)
      yield {
        keys: [TEST_SUBNET, SUBNET, both.key],
        problem: `expected a network that differs from network.subnet ${subnet} behind the first number, got ${testSubnet}: on this machine's loopback both have ${both.loopbackAddress}`,
        fix: "Choose another second or third number for one of the two.",
      };
  },

  *hostIsReached({ config: { host, network, cluster_test } }) {
    const address = host.ip_address;
    if (address === undefined) return;
    const why = address.startsWith("127.")
      ? "which inside a container is the container itself"
      : [network.subnet, cluster_test.test_network_subnet].some((subnet) => insideOf(subnet, address))
        ? "which lies inside one of the cluster's own networks"
        : undefined;
    if (why !== undefined)
      yield {
        keys: ["host.ip_address", SUBNET, TEST_SUBNET],
        problem: `expected an address of this machine that containers reach, got ${address}, ${why}`,
        fix: "Write the machine's address in its own network, or leave the key out to have it found.",
      };
  },

  /** A name is resolved by each network in its own way; an address has to be one that the container has, since Ray binds it. */
  *advertisedAddressesAreBound({ settings }) {
    for (const { keyPrefix, address, nodeIpAddress } of settings.nodes)
      if (isIPv4(nodeIpAddress) && nodeIpAddress !== address)
        yield {
          keys: [`${keyPrefix}node_ip_address`, SUBNET, `${keyPrefix}ip_address`],
          problem: `expected a name or the node's own address ${address}, got ${nodeIpAddress}, which Ray cannot bind in the container`,
          fix: "Leave the key out: the node's name is resolved by each network in its own way, also across NAT.",
        };
  },

  *workerPortsAreARange({ settings: { nodes, test }, isWritten }) {
    for (const { keyPrefix, peerPorts } of [...nodes, test.worker]) {
      const keys = [`${keyPrefix}max_worker_port`, `${keyPrefix}min_worker_port`] as const;
      const { min, max } = peerPorts.workers ?? {};
      if (min === undefined || max === undefined) {
        const [there, missing] = isWritten(keys[0]) ? keys : [keys[1], keys[0]];
        if (isWritten(there))
          yield {
            keys: [there, missing],
            problem: `expected both ends of the worker ports, got no ${missing.split(".").at(-1)}`,
            fix: "Set both, or leave both out to have them computed.",
          };
      } else if (max < min)
        yield {
          keys,
          problem: `expected the last worker port at or above the first, ${min}, got ${max}`,
          fix: "Swap the two.",
        };
      else if (max - min + 1 > MAX_WORKER_PORTS)
        yield {
          keys,
          problem: `expected at most ${MAX_WORKER_PORTS} worker ports, got ${max - min + 1}: each is published by itself`,
          fix: "Narrow the range; a node needs one port for each worker process, some 100 are plenty.",
        };
    }
  },

  /** All ports are published on one host. */
  *portsStandOnce({ settings }) {
    // Replicas have one key: node-rules.ts says that it is not for them.
    for (const [a, b] of pairs(fixedPorts(settings)))
      if (a.key !== b.key && portsOverlap(a, b))
        yield {
          keys: [b.key, a.key],
          problem: `expected ports that nothing else takes on the host, got ${formatPorts(b)}, and ${a.key} has ${formatPorts(a)}`,
          fix: "Give each its own.",
        };
  },

  *objectStoresFit({ settings, isWritten }) {
    for (const { keyPrefix, memoryBytes, objectStoreBytes } of settings.nodes) {
      const [memory, store] = [`${keyPrefix}memory`, `${keyPrefix}object_store_memory`];
      if (objectStoreBytes < memoryBytes && objectStoreBytes >= MIN_OBJECT_STORE) continue;
      const [key, wanted, got] =
        objectStoreBytes >= memoryBytes
          ? [store, `less than the node's memory ${mib(memoryBytes)}`, objectStoreBytes]
          : isWritten(store)
            ? [store, `at least ${mib(MIN_OBJECT_STORE)}`, objectStoreBytes]
            : [
                memory,
                `at least ${mib(MIN_OBJECT_STORE / 0.3)}, so that 30 % hold the object store`,
                memoryBytes,
              ];
      yield {
        keys: [key, memory],
        problem: `expected ${wanted}, got ${mib(got)}`,
        fix: "Give the node more memory, such as 8g, or leave object_store_memory out for 30 % of it.",
      };
    }
  },
};

/** Every fixed address of the main network, whether it was written or follows from the subnet. */
const placed = ({ health, nodes }: Pick<Settings, "health" | "nodes">) => [
  ...(health.enabled ? [{ ...health, key: "services.health.ip_address" }] : []),
  ...nodes.map((node) => ({ ...node, key: `${node.keyPrefix}ip_address` })),
];

const mib = (bytes: number): string =>
  bytes < 2 ** 20 ? `${bytes} bytes` : `${Math.round(bytes / 2 ** 20)}m`;
