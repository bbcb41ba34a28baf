import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, test } from "vitest";
import {
  networksOf,
  parseRoutes,
  pickAddress,
  readHostFacts,
  readListeningPorts,
  readUsedPorts,
} from "./read-host.ts";

const ipv4 = (address: string, internal = false) => [{ address, family: "IPv4" as const, internal }];
/** As Linux 6 prints it: a default route, a VPN's two halves of everything, a LAN, a VPN's network, one host, an engine's. */
const TABLE = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
tun0\t00000000\t0108080A\t0003\t0\t0\t0\t00000080\t0\t0\t0
tun0\t00000080\t0108080A\t0003\t0\t0\t0\t00000080\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
tun0\t000010AC\t0108080A\t0003\t0\t0\t0\t0000F0FF\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
host0\t01631DAC\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
`;

test("the address of the default route's interface is the host's", () => {
  const interfaces = { lo: ipv4("127.0.0.1", true), tun0: ipv4("10.0.0.5"), eth0: ipv4("192.168.0.10") };
  expect(pickAddress(interfaces, parseRoutes(TABLE))).toBe("192.168.0.10");
});

test("without a default route it is that of the first interface that is no container engine's", () => {
  const interfaces = { docker0: ipv4("172.17.0.1"), "br-1a2b": ipv4("172.18.0.1"), eth0: ipv4("10.0.0.5") };
  expect(pickAddress(interfaces, [])).toBe("10.0.0.5");
});

test("a machine with only itself and container networks has none", () => {
  expect(pickAddress({ lo: ipv4("127.0.0.1", true), docker0: ipv4("172.17.0.1") }, [])).toBeUndefined();
});

test("this very machine can be looked at", () => {
  const facts = readHostFacts();
  expect(facts.cpus).toBeGreaterThan(0);
  expect(facts.memoryBytes).toBeGreaterThan(2 ** 28);
  expect(facts.ephemeralPorts.max).toBeGreaterThan(facts.ephemeralPorts.min);
});

test("a port that something listens on is seen, and no longer when it is closed", async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  expect(readListeningPorts()).toContain(port);
  await new Promise((resolve) => server.close(resolve));
  expect(readListeningPorts()).not.toContain(port);
});

test("the networks of the kernel's table, without what leads everywhere or to containers", () => {
  expect(networksOf(parseRoutes(TABLE))).toEqual([
    { device: "eth0", subnet: "10.0.0.0/24" },
    { device: "tun0", subnet: "172.16.0.0/12" },
    { device: "host0", subnet: "172.29.99.1/32" },
  ]);
});

test.each(["", "Iface\tDestination\n", "no table at all\nnor here\n"])("none in %j", (text) => {
  expect(parseRoutes(text)).toEqual([]);
});

test("a port from which somebody only speaks is used too", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(client, "connect");
  const { localPort = 0 } = client;
  expect([readUsedPorts().has(localPort), readListeningPorts().has(localPort)]).toEqual([true, false]);
  client.destroy();
  server.close();
});
