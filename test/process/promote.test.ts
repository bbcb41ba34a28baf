import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fillDisk } from "../fixtures/health-service-process.ts";
import { ask, MemberService, machine } from "../fixtures/members.ts";
import { until } from "../fixtures/until.ts";

/** Services of machine 1, which decides, and of machine 2, which copies it. */
let first: MemberService;
let second: MemberService;
let gpu01: Awaited<ReturnType<MemberService["join"]>>;
let gpu02: Awaited<ReturnType<MemberService["join"]>>;

beforeEach(async () => {
  first = await new MemberService().start();
  gpu01 = await first.join("gpu01");
  gpu02 = await first.join("gpu02");
  const ca = first.read("ca.crt");
  first.belong(gpu01, ca);
  second = new MemberService();
  second.belong(gpu02, ca);
  await second.start();
});
afterEach(async () => {
  await first.remove();
  await second.remove();
});

const at = ({ port }: MemberService) => `127.0.0.1:${port}`;
const standing = async (service: MemberService) =>
  (await service.call("GET", "/v1/leader").catch(() => undefined))?.body;
const decides = (service: MemberService, is: boolean) =>
  until(`${at(service)} to decide: ${is}`, async () => (await standing(service))?.decides === is);

test("a standby copies, and answers others with 503 and whom to ask; after a restart of either one that stays so", async () => {
  for (let starts = 0; starts < 2; starts++) {
    expect([(await standing(first)).decides, (await standing(second)).decides]).toEqual([true, false]);
    for (const [method, path, body] of [
      ["GET", "/v1/head"],
      ["GET", "/v1/members"],
      ["PUT", "/v1/head", ask("gpu02")],
      ["POST", "/v1/join", machine("gpu03")],
    ] as const)
      expect(await second.call(method, path, body, gpu02.as)).toMatchObject({
        status: 503,
        body: { reason: "standby", services: [at(first), at(second)], leader: at(first) },
      });
    expect((await second.call("POST", "/v1/join", machine("gpu03"))).body).toMatchObject({ services: [] });
    expect((await first.call("GET", "/v1/members", undefined, gpu02.as)).body.services).toEqual([
      at(first),
      at(second),
    ]);
    await first.restart();
    await second.restart();
  }
  await first.join("gpu03");
  await until("its owner to be told on which machine the other one is", async () => {
    const { body } = await second.admin("POST", "/v1/tokens", { expiresInS: 60, once: false });
    return body.on === "gpu01";
  });
  await until("the new member to be copied", async () => {
    const { body } = await second.admin("GET", "/v1/members");
    return body.members.length === 3;
  });
});

test("machine 1 lost: the standby takes over with all that it copied; machine 1, back again, gives way", async () => {
  expect((await first.call("PUT", "/v1/head", ask("gpu01"), gpu01.as)).body.epoch).toBe(1);
  const { secret } = await first.token();
  const kept = (file: string) => JSON.parse(second.read(file));
  await until("all to be copied", () => kept("lease.json").hold && kept("cluster.json").tokens.length === 3);
  await first.stop();
  const promoted = await second.admin("POST", "/v1/promote", {});
  expect(promoted).toMatchObject({ status: 200, body: { term: 2, complete: false } });
  // The lease of gpu01 has its time, and epochs go on far above.
  expect((await second.call("PUT", "/v1/head", ask("gpu02"), gpu02.as)).body).toMatchObject({
    reason: "held",
  });
  expect((await second.admin("DELETE", "/v1/members/gpu01")).status).toBe(200);
  expect((await second.admin("GET", "/v1/members")).body.services).toEqual([at(second)]);
  const granted = await second.call("PUT", "/v1/head", ask("gpu02"), gpu02.as);
  expect(granted.body.epoch).toBeGreaterThan(1000);
  const joined = await second.call("POST", "/v1/join", { secret, ...machine("gpu03") });
  expect(joined).toMatchObject({ status: 200, body: { rayToken: gpu01.rayToken, cluster: gpu01.cluster } });
  expect(joined.body.services[0]).toBe(at(second));
  await first.start();
  await decides(first, false);
  expect((await first.call("PUT", "/v1/head", ask("gpu01", { epoch: 1 }), gpu01.as)).status).toBe(503);
  expect(first.process?.text).toContain(`${at(second)} decides under term 2`);
  const refused = await first.admin("POST", "/v1/promote", {});
  expect(refused).toMatchObject({
    status: 409,
    body: { error: expect.stringContaining(`${at(second)} decides`) },
  });
  await second.stop();
  expect((await first.admin("POST", "/v1/promote", {})).body).toEqual({ term: 3, complete: false });
});

test("one that did not hear that another took over gives way as soon as it does", async () => {
  first.process?.signal("SIGSTOP");
  expect((await second.admin("POST", "/v1/promote", {})).body).toMatchObject({ complete: false });
  first.process?.signal("SIGCONT");
  await decides(first, false);
  expect((await standing(second)).decides).toBe(true);
  await until("it to copy", () => first.read("cluster.json").includes('"term":2'));
});

test("while both live, the one that decides hands over what it knows, and may take it back", async () => {
  await first.join("gpu03");
  expect((await second.admin("POST", "/v1/promote", {})).body).toEqual({ term: 2, complete: true });
  expect([(await standing(first)).decides, (await standing(second)).decides]).toEqual([false, true]);
  expect((await second.admin("GET", "/v1/members")).body.members).toHaveLength(3);
  await until("a copy", async () => (await standing(first)).copiedAgo !== null);
  expect((await first.admin("POST", "/v1/promote", {})).body).toEqual({ term: 3, complete: true });
});

test("only a candidate copies, and only the machine's owner says who decides", async () => {
  const worker = await first.join("cpu", { candidate: false });
  const path = "/v1/replica?service=127.0.0.1:1&rank=9@127.0.0.1:1";
  expect((await first.call("GET", path, undefined, worker.as)).status).toBe(403);
  expect((await first.call("GET", path)).status).toBe(401);
  expect((await second.call("POST", "/v1/promote", {}, gpu02.as)).status).toBe(403);
  expect((await second.call("POST", "/v1/promote", {})).status).toBe(401);
  expect((await standing(first)).decides).toBe(true);
});

test("a takeover that the disk does not take is refused, and the one before goes on", async () => {
  await until("a copy", async () => (await standing(second)).copiedAgo !== null);
  const empty = fillDisk(second.folder);
  expect((await second.admin("POST", "/v1/promote", {})).status).toBe(503);
  expect([(await standing(first)).decides, (await standing(second)).decides]).toEqual([true, false]);
  empty();
  expect((await second.admin("POST", "/v1/promote", {})).body).toEqual({ term: 2, complete: true });
});

test("one that was away stands by as soon as a member names a higher term, until it is promoted", async () => {
  await first.stop();
  const { body } = await second.admin("POST", "/v1/promote", {});
  const { term, leader, proof } = (await second.admin("GET", "/v1/members")).body;
  expect([term, leader]).toEqual([body.term, at(second)]);
  await second.stop();
  await first.start();
  expect((await standing(first)).decides).toBe(true);
  const says = (proof: string) =>
    first.call("PUT", `/v1/head?heard=${term}@${leader}&proof=${proof}`, ask("gpu02"), gpu02.as);
  expect(await says("made-up")).toMatchObject({ status: 200 });
  const asked = await says(proof);
  expect(asked).toMatchObject({ status: 503, body: { reason: "standby", leader } });
  await first.restart();
  expect((await standing(first)).decides).toBe(false);
  expect((await first.admin("POST", "/v1/promote", {})).body).toEqual({ term: 3, complete: false });
});

test("a service whose machine has another address by now is at that one after a restart, also for the others", async () => {
  await second.remove();
  const before = "127.99.99.9";
  second = new MemberService({}, before);
  second.belong(gpu02, first.read("ca.crt"), { address: before, interface: "lo" });
  await second.start();
  expect(second.process?.text).toContain(`members reach this service at 127.0.0.1, no longer ${before}`);
  await until("the first one to know", async () => {
    const { services } = (await first.admin("GET", "/v1/members")).body;
    return services.join() === `${at(first)},${at(second)}`;
  });
  expect((await second.admin("POST", "/v1/promote", {})).body).toEqual({ term: 2, complete: true });
  await decides(first, false);
});

test("the one that decides is not found at another address, until another one takes over: it follows that one", async () => {
  for (const each of [first, second]) await each.remove();
  const before = "127.99.99.9";
  first = await new MemberService({}, before).start();
  const [one, two] = [await first.join("gpu01"), await first.join("gpu02")];
  const ca = first.read("ca.crt");
  first.belong(one, ca, { address: before, interface: "lo" });
  await until("the first one to know whose machine it is on", () =>
    first.read("cluster.json").includes(`{"at":"${before}:${first.port}","member":"gpu01"}`),
  );
  second = new MemberService();
  second.belong({ ...two, services: [at(first)] }, ca);
  await second.start();
  await first.restart();
  const services = async (service: MemberService) =>
    (await service.admin("GET", "/v1/members")).body.services.join();
  expect(await services(first)).toBe(`${at(first)},${at(second)}`);
  expect((await second.admin("POST", "/v1/promote", {})).body).toEqual({ term: 2, complete: false });
  await decides(first, false);
  await until("the first one to be known where it is", async () => {
    return (await services(second)) === `${at(second)},${at(first)}`;
  });
});

test("a cluster whose copy is larger than other answers is copied", async () => {
  await first.stop();
  const file = join(first.folder, "cluster.json");
  const state = JSON.parse(first.read("cluster.json"));
  const [removed] = state.members.map(({ name, credential }: Record<string, string>) => ({
    name,
    credential,
  }));
  const name = `${"n".repeat(60)}.${"n".repeat(60)}.${"n".repeat(60)}.${"n".repeat(60)}`;
  const service = `${name}:8443`;
  state.removed = Array.from({ length: 1000 }, (_, i) => ({ ...removed, name: `m${i}.${name}`, service }));
  state.tokens = Array.from({ length: 2000 }, () => ({ ...state.tokens[0], usedBy: name, replace: name }));
  writeFileSync(file, JSON.stringify(state));
  expect(statSync(file).size).toBeGreaterThan(1024 * 1024);
  await first.start();
  await until("the copy", () => JSON.parse(second.read("cluster.json")).tokens.length === 2000);
});
