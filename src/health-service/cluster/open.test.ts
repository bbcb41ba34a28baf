import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readEnvironment } from "../../common/environment.ts";
import { MEMBERSHIP_FILE } from "../../common/protocol/join-protocol.ts";
import { VARIABLES } from "../config.ts";
import { openCluster, presentHost } from "./open.ts";

test.each([
  ["the card has it", "10.0.0.2", { address: "10.0.0.2", interface: "data0" }, "10.0.0.2", "10.0.0.2"],
  ["DHCP gave another one", "10.0.0.2", { address: "10.0.0.2", interface: "data0" }, "10.0.0.9", "10.0.0.9"],
  [
    "it was typed for that service",
    "10.9.9.9",
    { address: "10.0.0.2", interface: "data0" },
    "10.0.0.9",
    "10.9.9.9",
  ],
  ["the card is gone", "10.0.0.2", { address: "10.0.0.2", interface: "old0" }, "10.0.0.9", "10.0.0.2"],
  ["the card is not known", "10.0.0.2", { address: "10.0.0.2" }, "10.0.0.9", "10.0.0.2"],
  ["there is no node", "10.0.0.2", undefined, "10.0.0.9", "10.0.0.2"],
])("what members are told where %s", (_, advertised, joined, now, told) => {
  const cards = {
    lo: [{ family: "IPv4", address: "127.0.0.1" }],
    data0: [
      { family: "IPv6", address: "fe80::1" },
      { family: "IPv4", address: now },
    ],
  } as unknown as Parameters<typeof presentHost>[2];
  expect(presentHost(advertised, joined, cards)).toBe(told);
});

test("a candidate whose membership is damaged makes no cluster of its own", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cluster-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, MEMBERSHIP_FILE), "");
  const config = readEnvironment(VARIABLES, { RAY_EP_HEALTH_ADVERTISE: "10.0.0.2:8443" }).values;
  expect(await openCluster(folder, config, () => {})).toMatchObject({
    error: { reason: "cluster-unusable", cause: expect.stringContaining(MEMBERSHIP_FILE) },
  });
  expect(readdirSync(folder)).toEqual([MEMBERSHIP_FILE]);
});
