import { expect, test } from "vitest";
import { rangesOf } from "../../common/net/port-ranges.ts";
import { DEFAULT_PORTS } from "../../common/protocol/join-protocol.ts";
import { listeners } from "./ports.ts";

test("a member's Ray has the block; a candidate, which may be HEAD, three ports more", () => {
  const all = [
    [20_000, 20_005],
    [20_100, 20_999],
  ];
  expect(rangesOf(DEFAULT_PORTS, false)).toEqual(all);
  expect(rangesOf(DEFAULT_PORTS, true)).toEqual([[6379, 6379], [10_001, 10_001], [8265, 8265], ...all]);
});

test("who listens, by the kernel's tables", () => {
  const table = `
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: 02004D0A:4E20 01004D0A:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0
   2: 00000000:4E21 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0
   3: 00000000000000000000000000000000:18EB 00000000000000000000000000000000:0000 0A 00000000:00000000
   4: 0000000000000000FFFF000002004D0A:2711 00000000000000000000000000000000:0000 0A 00000000:00000000
   5: 00000000000000000000000001000000:2049 00000000000000000000000000000000:0000 0A 00000000:00000000`;
  expect(listeners(table)).toEqual([
    { address: "127.0.0.1", port: 8080 },
    { address: "0.0.0.0", port: 20_001 },
    { address: "0.0.0.0", port: 6379 },
    { address: "10.77.0.2", port: 10_001 },
    { address: "0.0.0.1", port: 8265 },
  ]);
});
