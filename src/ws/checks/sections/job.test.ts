import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../../../../test/fixtures/until.ts";
import { ok } from "../../../common/result.ts";
import type { CheckContext } from "../context.ts";
import { DASHBOARD_CHECKS } from "./dashboard.ts";

/** A dashboard whose job never ends. */
async function dashboard() {
  const asked: IncomingHttpHeaders[] = [];
  const server = createServer(({ method, headers }, response) => {
    asked.push(headers);
    response.end(JSON.stringify(method === "POST" ? { submission_id: "job" } : { status: "RUNNING" }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test("Ctrl-C ends the wait for a job, and each request carries the token", async () => {
  const { asked, url } = await dashboard();
  const stop = new AbortController();
  const seen = { dashboardUrl: async () => ok(url), signal: stop.signal, token: "s3cret" };
  const check = DASHBOARD_CHECKS.find(({ id }) => id === "pairs/job");
  const job = check?.judge({ ...({} as CheckContext), ...seen });
  await until("the job's state to be asked for", () => asked.length >= 2);
  stop.abort();
  expect((await job)?.ok).toBe(false);
  expect(asked.map(({ authorization }) => authorization)).toEqual(asked.map(() => "Bearer s3cret"));
}, 20_000);
