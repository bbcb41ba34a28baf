import { expect, test } from "vitest";
import { alive, type LabMachine, LabMachines, type PsService } from "../fixtures/docker/lab-machines.ts";
import { until } from "../fixtures/until.ts";

/** The first machine is lost for good; each test goes on where the one before it stopped. */
const lab = LabMachines.open(3);
const [m1, m2, m3] = lab.all as [LabMachine, LabMachine, LabMachine];

test("a second candidate joins, and a third machine", async () => {
  const init = await m1.ws(["init", "--interface", "data0"]);
  expect(init.code, init.text).toBe(0);
  const token = /join (ws1\.\S+)/.exec(init.text)?.[1] ?? "";
  const second = await m2.ws(["join", token, "--candidate"]);
  expect(second.code, second.text).toBe(0);
  const third = await m3.ws(["join", token]);
  expect(third.code, third.text).toBe(0);
  await alive(m3, lab.all);
});

test("a cable that is cut and put back: one HEAD in the end, and all machines", async () => {
  await m3.cable("cut", "data");
  await alive(m1, [m1, m2], 180_000);
  await m3.cable("heal", "data");
  await alive(m1, lab.all, 180_000);
});

const heads = async (on: LabMachine): Promise<string[]> => {
  const { services = [] } = JSON.parse((await on.ws(["ps", "--json"])).out) as { services?: PsService[] };
  return services.filter(({ role }) => role === "head").map(({ name }) => name);
};

test("the HEAD's cable is cut and put back: nobody took over, and it is the same cluster", async () => {
  const id = async () => JSON.parse((await m3.ws(["ps", "--json"])).out).head?.clusterId;
  const before = await id();
  await m1.cable("cut", "data");
  await until("machine 2 to miss the HEAD", async () => (await m2.ws(["ps"])).code !== 0, 60_000);
  await m1.cable("heal", "data");
  await alive(m3, lab.all, 180_000);
  expect(await heads(m2)).toEqual(["m1"]);
  expect(await id()).toBe(before);
});

test("Ray's token and the CAs are made anew on all machines", async () => {
  const file = "/opt/ray-entrypoint/state/membership.json";
  const ca = async (each: LabMachine) =>
    JSON.parse(await each.must("docker", "exec", each.node, "cat", file)).ca;
  const before = await ca(m3);
  const rotated = await m1.ws(["token", "--rotate", "--yes"]);
  expect(rotated.code, rotated.text).toBe(0);
  for (const each of lab.all)
    await until(`${each.name} to know the new CA`, async () => (await ca(each)) !== before, 120_000);
  await alive(m3, lab.all, 180_000);
  expect(new Set(await Promise.all(lab.all.map(ca))).size).toBe(1);
});

test("machine 1 is lost: ws promote on machine 2 says what is lost, and machine 3 follows", async () => {
  await m1.power("lose");
  await until("machine 2 to miss the HEAD", async () => (await m2.ws(["ps"])).code !== 0, 120_000);
  const asked = await m2.ws(["promote"]);
  expect(asked.text).toContain(
    "the next candidate leads a new cluster, without the jobs and actors of this one",
  );
  expect(asked.code).not.toBe(0);
  const promoted = await m2.ws(["promote", "--yes"]);
  expect(promoted.code, promoted.text).toBe(0);
  await alive(m3, [m2, m3], 180_000);
});

test("machine 1 is back: it gives way and joins", async () => {
  await m1.power("start");
  await alive(m3, lab.all, 180_000);
  expect(await heads(m1)).toEqual(["m2"]);
});
