import { expect, test } from "vitest";
import { parseRoutes } from "./routes.ts";

/** As Linux 6 prints it: a default route, a VPN's two halves of everything, a LAN, a VPN's network, one host. */
const TABLE = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
tun0\t00000000\t0108080A\t0003\t0\t0\t0\t00000080\t0\t0\t0
tun0\t00000080\t0108080A\t0003\t0\t0\t0\t00000080\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
tun0\t000010AC\t0108080A\t0003\t0\t0\t0\t0000F0FF\t0\t0\t0
host0\t01631DAC\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
`;

test("the networks of the kernel's table, without what leads everywhere", () => {
  expect(parseRoutes(TABLE)).toEqual([
    { device: "eth0", subnet: "10.0.0.0/24" },
    { device: "tun0", subnet: "172.16.0.0/12" },
    { device: "host0", subnet: "172.29.99.1/32" },
  ]);
});

test.each(["", "Iface\tDestination\n", "no table at all\nnor here\n"])("none in %j", (text) => {
  expect(parseRoutes(text)).toEqual([]);
});
