import { isIPv4 } from "node:net";
import { defaultAddress, testAddress } from "../derive.ts";
import type { KeyPath } from "../document.ts";
import { insideOf, loopbackTwin, nthAddress, overlap, parseSubnet, type Subnet, usableIn } from "../ipv4.ts";
import type { ConfigFile } from "../schema.ts";
import { enabledServices, type Finding, pairs } from "./finding.ts";

const SUBNET: KeyPath = ["network", "subnet"];
const TEST_SUBNET: KeyPath = ["cluster_test", "test_network_subnet"];

interface Placed {
  readonly path: KeyPath;
  readonly address: string;
  readonly given: boolean;
}

/** Every fixed address of the main network, whether it was written or follows from the subnet. */
function placed(config: ConfigFile, main: Subnet): Placed[] {
  const { health } = config.services;
  const ray = enabledServices(config).map(({ name, path, service }) => ({
    path,
    written: service.ip_address,
    nth: name === "ray-cpu" ? defaultAddress.cpu : defaultAddress.gpu,
  }));
  const all = [
    ...(health.enabled
      ? [{ path: ["services", "health"], written: health.ip_address, nth: defaultAddress.health }]
      : []),
    ...ray,
  ];
  return all.map(({ path, written, nth }) => ({
    path: [...path, "ip_address"],
    address: written ?? nthAddress(main, nth),
    given: written !== undefined,
  }));
}

/** Addresses lie in their network and stand once; the two networks and the host's address keep apart. */
export function checkAddresses(config: ConfigFile): readonly Finding[] {
  const main = parseSubnet(config.network.subnet);
  const test = parseSubnet(config.cluster_test.test_network_subnet);
  if (main === undefined || test === undefined) return [];
  const places = placed(config, main);
  return [
    ...places.filter(({ given, address }) => given && !usableIn(main, address)).map(outside(config)),
    ...pairs(places)
      .filter(([a, b]) => a.address === b.address)
      .map(taken),
    ...(overlap(main, test) ? [networksOverlap(config)] : []),
    ...hostAddress(config, main, test),
    ...advertisedElsewhere(config, places),
    ...(overlap(main, test) ? [] : twins(config, places, test)),
  ];
}

/** The embedded runtime puts each address at its twin in 127.0.0.0/8: two of them must not fall together. */
function twins(config: ConfigFile, places: readonly Placed[], test: Subnet): readonly Finding[] {
  const inTest = [testAddress.client, testAddress.worker].map((n) => nthAddress(test, n));
  const both = places.find(({ address }) =>
    inTest.some((other) => loopbackTwin(other) === loopbackTwin(address)),
  );
  if (both === undefined) return [];
  return [
    {
      severity: "problem",
      path: TEST_SUBNET,
      against: [SUBNET, both.path],
      problem: `expected a network that differs from network.subnet ${config.network.subnet} behind the first number, got ${config.cluster_test.test_network_subnet}: on this machine's loopback both have ${loopbackTwin(both.address)}`,
      fix: "Choose another second or third number for one of the two.",
    },
  ];
}

/** A name is resolved by each network in its own way; an address has to be one that the container has, since Ray binds it. */
function advertisedElsewhere(config: ConfigFile, places: readonly Placed[]): readonly Finding[] {
  return enabledServices(config).flatMap(({ path, service }): Finding[] => {
    const own = places.find((place) => place.path.at(-2) === path.at(-1))?.address;
    const advertised = service.node_ip_address;
    if (advertised === undefined || !isIPv4(advertised) || advertised === own) return [];
    return [
      {
        severity: "problem",
        path: [...path, "node_ip_address"],
        against: [SUBNET, [...path, "ip_address"]],
        problem: `expected a name or the node's own address ${own}, got ${advertised}, which Ray cannot bind in the container`,
        fix: "Leave the key out: the node's name is resolved by each network in its own way, also across NAT.",
      },
    ];
  });
}

const outside =
  (config: ConfigFile) =>
  ({ path, address }: Placed): Finding => ({
    severity: "problem",
    path,
    against: [SUBNET],
    problem: `expected an address that a container can have in network.subnet ${config.network.subnet}, got ${address}`,
    fix: "Choose one inside the subnet that is not its first, second (the gateway) or last, or leave the key out.",
  });

function taken([a, b]: readonly [Placed, Placed]): Finding {
  const [other, mine] = b.given ? [a, b] : [b, a];
  return {
    severity: "problem",
    path: mine.path,
    against: [other.path, SUBNET],
    problem: `expected an address of its own, got ${mine.address}, which is also that of ${other.path.slice(0, -1).join(".")}`,
    fix: "Give each service another address.",
  };
}

const networksOverlap = (config: ConfigFile): Finding => ({
  severity: "problem",
  path: TEST_SUBNET,
  against: [SUBNET],
  problem: `expected a network apart from network.subnet ${config.network.subnet}, got ${config.cluster_test.test_network_subnet}`,
  fix: "Choose two networks that share no address.",
});

function hostAddress(config: ConfigFile, main: Subnet, test: Subnet): readonly Finding[] {
  const address = config.host.ip_address;
  if (address === undefined) return [];
  const why = address.startsWith("127.")
    ? "which inside a container is the container itself"
    : insideOf(main, address) || insideOf(test, address)
      ? "which lies inside one of the cluster's own networks"
      : undefined;
  if (why === undefined) return [];
  return [
    {
      severity: "problem",
      path: ["host", "ip_address"],
      against: [SUBNET, TEST_SUBNET],
      problem: `expected an address of this machine that containers reach, got ${address}, ${why}`,
      fix: "Write the machine's address in its own network, or leave the key out to have it found.",
    },
  ];
}
