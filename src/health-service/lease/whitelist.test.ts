import { expect, test, vi } from "vitest";
import type { resolveOnce } from "../../common/lookup.ts";
import type { LeaseRequest } from "../../common/protocol/lease-protocol.ts";
import { createWhitelistCheck } from "./whitelist.ts";

const WHITELIST = [
  { name: "cpu", host: "cpu", port: undefined, mapped: false },
  { name: "gpu", host: "10.0.0.2", port: 6380, mapped: true },
];
const resolve: typeof resolveOnce = (name, done) => {
  if (name === "cpu") done(null, "172.28.0.3");
  else done(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }), "");
};

const ask = (node: string, address: string): LeaseRequest => ({
  ...{ node, address, life: "1", clusterId: null, epoch: null, others: "answered" },
});

const fresh = () =>
  createWhitelistCheck(
    () => WHITELIST,
    resolve,
    () => ["192.168.7.7"],
  );
const STRANGER = "203.0.113.9";

test.each([
  ["its name", "cpu", "cpu:6379", STRANGER],
  ["its name in another case", "CPU", "Cpu:6379", STRANGER],
  ["the address that its name resolves to", "cpu", "172.28.0.3:6379", "172.28.0.1"],
  ["the address that the whitelist gives", "gpu", "10.0.0.2:6380", "172.28.0.1"],
  ["its name, where the whitelist gives an address", "gpu", "gpu:6380", "172.28.0.1"],
  ["the address that it asks from", "cpu", "203.0.113.9:6379", STRANGER],
  ["one of the service's own machine, from there", "cpu", "127.28.0.3:6379", "127.0.0.1"],
  ["another one of that machine", "cpu", "127.0.0.1:6379", "192.168.7.7"],
  ["the long form of its name, from the address of its name", "cpu.lab", "cpu.lab:6379", "172.28.0.3"],
  ["the address in the whitelist, under the long form of its name", "gpu.lab", "10.0.0.2:6380", STRANGER],
])("B1 a node may give %s", async (_, node, address, peer) => {
  expect(await fresh()(ask(node, address), peer)).toBeNull();
});

test.each([
  ["somebody else's name", "cpu", "evil:6379", STRANGER],
  ["somebody else's address", "cpu", "203.0.113.66:6379", STRANGER],
  ["another candidate's", "cpu", "gpu:6380", STRANGER],
  ["loopback, from afar", "cpu", "127.0.0.1:6379", STRANGER],
  ["the service's own address, from afar", "cpu", "192.168.7.7:6379", STRANGER],
  ["what is no address", "cpu", "cpu", STRANGER],
  ["a stranger's, under the long form of a name", "cpu.evil.example", "203.0.113.66:6379", STRANGER],
  ["a long form of a name that a stranger owns", "cpu.evil.example", "cpu.evil.example:6379", STRANGER],
])("B1 a node may not give %s", async (_, node, address, peer) => {
  expect(await fresh()(ask(node, address), peer)).toBe("foreign-address");
});

test("a node that is not in the whitelist is refused, whatever address it gives", async () => {
  for (const address of ["other:6379", "evil:6379", "cpu:6379"])
    expect(await fresh()(ask("other", address), STRANGER)).toBe("not-a-candidate");
});

test("B1 a service without a whitelist knows no node's address", async () => {
  expect(await createWhitelistCheck(() => null)(ask("cpu", "evil:6379"), STRANGER)).toBeNull();
});

test("B1 a renewal does not wait for a name lookup, and the first request not for long", async () => {
  vi.useFakeTimers();
  const asked = vi.fn<typeof resolveOnce>(resolve);
  const slow = createWhitelistCheck(() => WHITELIST, asked);
  expect(await slow(ask("cpu", "172.28.0.3:6379"), STRANGER)).toBeNull();
  asked.mockImplementation(() => {});
  expect(await slow(ask("cpu", "172.28.0.3:6379"), STRANGER)).toBeNull();
  const unknown = slow(ask("cpu", "172.28.0.4:6379"), STRANGER);
  await vi.advanceTimersByTimeAsync(500);
  expect(await unknown).toBe("foreign-address");
  expect(asked).toHaveBeenCalledTimes(2);
  vi.useRealTimers();
});

test("a member that is removed while its name is looked up may ask no more", async () => {
  let members = WHITELIST;
  const removing: typeof resolveOnce = (_, done) => {
    members = members.filter(({ name }) => name !== "cpu");
    done(null, "172.28.0.3");
  };
  const check = createWhitelistCheck(() => members, removing);
  expect(await check(ask("cpu", "172.28.0.3:6379"), STRANGER)).toBe("not-a-candidate");
});
