import { describe, expect, test } from "vitest";
import { chooseAddress } from "./address.ts";
import { defaultRoutes, networkOf } from "./cards.ts";

const card = (name: string, address: string, isOfContainer = false) => ({
  ...{ name, address, isOfContainer, network: "10.77.0.0/24", speed: undefined },
});
const CARDS = [
  card("data0", "10.77.0.2"),
  card("mgmt0", "10.88.0.2"),
  card("docker0", "172.17.0.1"),
  card("br-0123456789ab", "172.18.0.1"),
  card("br0", "192.168.1.2"),
  card("eth0", "172.19.0.5", true),
];

/** NODE_IP_ADDRESS, RAY_EP_INTERFACE, this machine's end of the connection. */
const choose = (given: string | null, named: string | null, localEnd: string) => {
  const own = chooseAddress({ given, interface: named, localEnd }, CARDS);
  return own.ok ? `${own.value.address} ${own.value.interface}` : "problem" in own.error && own.error.problem;
};

describe("a member's address", () => {
  test.each([
    ["the road to the health service", null, null, "10.77.0.2", "10.77.0.2 data0"],
    ["an interface that was named", null, "mgmt0", "10.77.0.2", "10.88.0.2 mgmt0"],
    ["an address that was given", "10.88.0.2", "data0", "10.77.0.2", "10.88.0.2 mgmt0"],
    ["a name that was given", "gpu02.lab", null, "10.77.0.2", "gpu02.lab undefined"],
    ["a bridge of the machine's own network", null, null, "192.168.1.2", "192.168.1.2 br0"],
    ["loopback, where that is what all use", "127.0.0.2", null, "127.0.0.1", "127.0.0.2 undefined"],
    ["a container's own network, if it is wished", "172.19.0.5", null, "10.77.0.2", "172.19.0.5 eth0"],
  ])("%s", (_, given, named, localEnd, expected) => {
    expect(choose(given, named, localEnd)).toBe(expected);
  });

  test.each([
    ["loopback", null, null, "127.0.0.1"],
    ["loopback", "127.0.0.1", null, "10.77.0.2"],
    ["bridge", null, null, "172.17.0.1"],
    ["bridge", null, "br-0123456789ab", "10.77.0.2"],
    ["container", null, null, "172.19.0.5"],
    ["not-ours", "10.99.0.9", null, "10.77.0.2"],
    ["no-such-interface", null, "eno7", "10.77.0.2"],
  ])("none: %s", (problem, given, named, localEnd) => {
    expect(choose(given, named, localEnd)).toBe(problem);
  });
});

test.each([
  ["10.77.0.2", "255.255.255.0", "10.77.0.0/24"],
  ["10.77.5.130", "255.255.255.128", "10.77.5.128/25"],
  ["172.19.7.1", "255.255.0.0", "172.19.0.0/16"],
])("the network of %s with %s", (address, netmask, network) => {
  expect(networkOf(address, netmask)).toBe(network);
});

test("the interfaces with a default route", () => {
  const table =
    "Iface\tDestination\tGateway \tFlags\nmgmt0\t00000000\t01005 80A\t0003\ndata0\t00004D0A\t00000000\t0001\n";
  expect([...defaultRoutes(table)]).toEqual(["mgmt0"]);
});
