import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { NodeSettings } from "../config/settings.ts";
import type { Driver } from "../drivers/driver.ts";
import { jobAt } from "./job.ts";

let info: object | undefined;
/** So many requests the dashboard does not answer. */
let unanswered = 0;
const asked: IncomingMessage[] = [];
const dashboard = createServer((request, response) => {
  asked.push(request);
  if (unanswered-- > 0) return void request.destroy();
  response.writeHead(info === undefined ? 404 : 200).end(JSON.stringify(info));
});
beforeAll(() => new Promise<void>((done) => dashboard.listen(0, "127.0.0.1", done)));
afterAll(() => void dashboard.close());

const job = () => {
  const driver = { hostOf: () => "127.0.0.1", token: "secret" } as unknown as Driver;
  const { port } = dashboard.address() as AddressInfo;
  return jobAt(driver, { dashboardPort: port } as NodeSettings, "ws-1");
};

test.each([
  [
    { status: "SUCCEEDED", driver_exit_code: 0 },
    { status: "SUCCEEDED", exitCode: 0 },
  ],
  [
    { status: "FAILED", driver_exit_code: 3 },
    { status: "FAILED", exitCode: 3 },
  ],
  [
    { status: "FAILED", driver_exit_code: -9 },
    { status: "FAILED", exitCode: 137 },
  ],
  // Its supervisor is lost, and Ray knows no exit code.
  [
    { status: "FAILED", driver_exit_code: null },
    { status: "FAILED", exitCode: 1 },
  ],
  [{ status: "STOPPED" }, { status: "STOPPED", exitCode: 1 }],
  [{ status: "RUNNING" }, { status: "RUNNING", exitCode: undefined }],
  [undefined, undefined],
])("of a job of which Ray says %j: %j", async (says, state) => {
  info = says;
  expect(await job().state(new AbortController().signal)).toEqual(state);
});

test("a HEAD that comes back is waited for, but not after a Ctrl-C", async () => {
  info = { status: "RUNNING" };
  unanswered = 2;
  expect(await job().state(AbortSignal.abort())).toBeUndefined();
  expect(await job().state(new AbortController().signal)).toEqual({ status: "RUNNING" });
});

test("a job is stopped with the cluster's token", async () => {
  await job().stop();
  const { method, url, headers } = asked.at(-1) ?? {};
  expect([method, url, headers?.authorization]).toEqual(["POST", "/api/jobs/ws-1/stop", "Bearer secret"]);
});
