import { expect, onTestFinished, test } from "vitest";
import { renewInFlood } from "../fixtures/flood.ts";
import { HealthServerProcess } from "../fixtures/health-server-process.ts";

/**
 * The maximum time that a HEAD waits for one of two renewals before its deadline. The bench aims at 100 ms, on idle
 * machines.
 */
const A_HEAD_WAITS_MS = 5000;

test("B2 B3 renewals are answered, in little memory, while strangers hold 4,096 connections and send requests ahead", async () => {
  const server = await (await HealthServerProcess.launch()).listening();
  onTestFinished(() => server.remove());
  const flooded = await renewInFlood(server);
  console.log(flooded);
  const { p99Ms, failed, renewals, peakMb } = flooded;
  expect(renewals).toBeGreaterThan(1);
  expect(failed).toBe(0);
  expect(p99Ms).toBeLessThan(A_HEAD_WAITS_MS);
  expect(peakMb).toBeLessThan(200);
});
