import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readEnvironment } from "../../common/environment.ts";
import { MEMBERSHIP_FILE } from "../../common/protocol/join-protocol.ts";
import { VARIABLES } from "../config.ts";
import { openCluster } from "./open.ts";

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
