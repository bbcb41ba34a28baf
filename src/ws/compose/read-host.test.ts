import { createServer } from "node:net";
import { expect, test } from "vitest";
import { pickAddress, readHostFacts, readListeningPorts } from "./read-host.ts";

const ipv4 = (address: string, internal = false) => [{ address, family: "IPv4", internal }];
const ROUTES = `Iface\tDestination\tGateway \tFlags
eth1\t0000A8C0\t00000000\t0001
eth1\t00000000\t0100A8C0\t0003
`;

test("the address of the default route's interface is the host's", () => {
  const interfaces = { lo: ipv4("127.0.0.1", true), eth0: ipv4("10.0.0.5"), eth1: ipv4("192.168.0.10") };
  expect(pickAddress(interfaces, ROUTES)).toBe("192.168.0.10");
});

test("without a default route it is that of the first interface that is no container engine's", () => {
  const interfaces = { docker0: ipv4("172.17.0.1"), "br-1a2b": ipv4("172.18.0.1"), eth0: ipv4("10.0.0.5") };
  expect(pickAddress(interfaces, "")).toBe("10.0.0.5");
});

test("a machine with only itself and container networks has none", () => {
  expect(pickAddress({ lo: ipv4("127.0.0.1", true), docker0: ipv4("172.17.0.1") }, "")).toBeUndefined();
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
