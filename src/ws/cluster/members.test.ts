import { expect, test } from "vitest";
import { EVENTS } from "../../../test/fixtures/events.ts";
import { statusOf } from "../../../test/fixtures/status.ts";
import { parseStatus } from "../../common/protocol/node-status.ts";
import { err, ok } from "../../common/result.ts";
import type { Driver } from "../drivers/driver.ts";
import { renderPs } from "../output/ps-table.ts";
import { type MemberReport, reportMembers, UNKNOWN } from "./members.ts";
import { type ServiceReport, withMembers } from "./status.ts";

const member = (name: string, more: Partial<MemberReport> = {}): MemberReport => ({
  ...{ name, candidate: false, address: `10.77.0.${name.at(-1)}`, interface: "data0", stopped: false },
  ...{ why: undefined, restarts: 0, heardAgoS: 1, ...more },
});
const alive: ServiceReport = {
  ...{ name: "gpu1", role: "head", state: "ALIVE", address: "–", cpus: 8, uptimeS: 60, pid: 7 },
};

test.each<[string, Partial<MemberReport>, ServiceReport["state"]]>([
  ["is heard and not listed", {}, "joining"],
  ["said that it stops", { stopped: true }, "stopped"],
  ["was last heard 12 s ago", { heardAgoS: 12 }, "silent"],
  ["was never heard", { heardAgoS: undefined }, "silent"],
])("a member that %s", (_, more, state) => {
  const [first, second] = withMembers([alive], [member("gpu1"), member("gpu2", more)]);
  expect(first).toMatchObject({ state: "ALIVE", address: "10.77.0.1" });
  expect(second).toMatchObject({ name: "gpu2", address: "10.77.0.2", state, role: null });
});

test("the table has what the health service knows, and says that this machine was removed", () => {
  const services = withMembers(
    [alive],
    [member("gpu1"), member("gpu2", { why: "waits: head", restarts: 3 })],
  );
  const text = renderPs({ runtime: "docker", head: undefined, services, removed: "by the owner" });
  expect(text).toMatch(/NAME +ROLE .* NIC +RESTARTS +HEARD +WHY\n/);
  expect(text).toMatch(/gpu2 .* data0 +3 +1s ago +waits: head\n/);
  expect(text).toContain("✗ This machine was removed from that cluster: by the owner → Clean up: ./ws leave");
});

test("a member that its health service does not know is no silence of that service", async () => {
  const ask = async () => ok({ status: 401, body: "{}", dateMs: Number.NaN });
  const driver = { cluster: async () => ({ heads: [], token: "", ask }) } as unknown as Driver;
  expect(await reportMembers(driver)).toEqual(err(UNKNOWN));
});

test("a time that no clock shows makes a status none, and not the end of ws ps", () => {
  const at = (ms: number) => ({ ...statusOf("gpu2", [EVENTS.candidate]), fault: { reason: "x", at: ms } });
  expect(parseStatus(JSON.stringify(at(8.64e15)))).toBeDefined();
  expect(parseStatus(JSON.stringify(at(8.64e15 + 2)))).toBeUndefined();
});
