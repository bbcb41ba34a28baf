import { expect, onTestFinished, test } from "vitest";
import { renewInFlood } from "../fixtures/flood.ts";
import { HealthServiceProcess } from "../fixtures/health-service-process.ts";

/** A HEAD renews each 2 s. The bench aims at 100 ms, on idle machines. */
const P99_MS = 2000;
/** In 6 s. An idle machine makes about 250. */
const MIN_RENEWALS = 20;

test("B2 B3 renewals are answered, in little memory, while strangers hold 4,096 connections and send requests ahead", async () => {
  const server = await (await HealthServiceProcess.launch()).listening();
  onTestFinished(() => server.remove());
  const flooded = await renewInFlood(server);
  console.log(flooded);
  const { p99Ms, failed, renewals, peakMb } = flooded;
  expect(renewals).toBeGreaterThan(MIN_RENEWALS);
  expect(failed).toBe(0);
  expect(p99Ms).toBeLessThan(P99_MS);
  expect(peakMb).toBeLessThan(200);
});
