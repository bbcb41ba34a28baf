import { expect, test } from "vitest";
import type { Call } from "../../common/net/http.ts";
import { DEFAULT_PORTS } from "../../common/protocol/join-protocol.ts";
import { ok } from "../../common/result.ts";
import { type Event, render } from "../output/event.ts";
import { passGate } from "./gate.ts";
import type { Membership } from "./membership.ts";

/** An address of this machine that no other test listens on. */
const ADDRESS = `127.${1 + (process.pid % 250)}.213.7`;
const member = {
  ...{ member: "gpu02", address: ADDRESS, candidate: false, services: ["gpu01:8443"] },
  ports: DEFAULT_PORTS,
} as unknown as Membership;

/** What the gate says where the service, whose clock is behind by so much, meets the ports like that. */
async function gate(results: string[], behindMs = 0) {
  const said: Event[] = [];
  const answers = results.map((result) => ({ result, message: result, from: null, to: null, address: null }));
  const call: Call = async (method) =>
    method === "POST"
      ? ok({ status: 200, body: JSON.stringify({ answers }), dateMs: Date.now() - behindMs })
      : ok({ status: 404, body: "", dateMs: Date.now() });
  const log = (event: Event) => void said.push(event);
  const failure = await passGate({ member, isNew: true, network: "10.77.0.0/24", call, log });
  return { failure, said: said.flatMap(render).join("\n") };
}

test("a clock that is an hour off is said, and keeps nobody out", async () => {
  const { failure, said } = await gate(["reached", "reached", "reached"], 3_600_000);
  expect(failure).toBeNull();
  expect(said).toMatch(/clock is 1 h ahead of the health service's; the cluster works all the same/);
  expect((await gate(["reached", "reached", "reached"])).said).not.toContain("clock");
});

test("each port that the service does not reach is named with what it met", async () => {
  expect((await gate(["reached", "timeout", "refused"])).failure).toMatchObject({
    reason: "not-reached",
    address: ADDRESS,
    met: ["20001 (timeout)", "20100 (refused)"],
  });
});
