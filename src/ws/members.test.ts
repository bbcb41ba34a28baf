import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { FakeEngine, info } from "../../test/fixtures/docker/fake-engine.ts";
import { until } from "../../test/fixtures/until.ts";
import { formatJoinToken } from "../common/protocol/join-token.ts";
import { ok } from "../common/result.ts";
import { leftLines } from "./commands/members/remove.ts";
import { rememberUp } from "./state/last-up.ts";
import { withLock } from "./state/lock.ts";
import { forgetMachine, logsOf, readMachine, writeMachine } from "./state/machine.ts";

// Tests beside this one listen on ports of this machine.
vi.mock("./drivers/local/taken-ports.ts", () => ({ findTakenPorts: async () => [] }));

/** What `ws init`, `join` and the commands after them refuse before they change anything. */
const ANSWERS = `
  "compose version"*) echo 5.0 ;;
  info*) echo '${info({ SecurityOptions: ["name=rootless"] })}' ;;`;
const MEMBER = { name: "gpu02", candidate: false };
const stateOf = ({ root }: FakeEngine) => join(root, ".ws");
const elsewhere = formatJoinToken({
  ...{ services: ["127.0.0.1:1"], pin: "p".repeat(43), secret: "s".repeat(32), expiresAt: 2_000_000_000 },
});

test("ws remove says what the removed machine still knows, and what ends that", () => {
  const said = (candidate: boolean, revoked: number) => leftLines("gpu02", { candidate, revoked }).join("\n");
  expect(said(false, 0)).toBe(
    "→ gpu02 still knows Ray's token. If it is not trusted: ./ws token --rotate, which renews it and restarts Ray on each machine",
  );
  expect(said(true, 1)).toMatch(
    /^→ The join token .* revoked too.*: \.\/ws token\n.* the CA's key. .*--rotate, which renews both/,
  );
});

test.each<[string, string[], number, RegExp]>([
  ["a damaged token", ["join", "ws1.abc"], 78, /That is no join token: expected a whole join token/],
  ["an empty standard input", ["join", "-"], 78, /That is no join token/],
  ["no machine of several", ["leave"], 78, /no member of a cluster of several/],
  ["no cluster of this machine's", ["token"], 78, /No health service of a cluster .* has been started here/],
  [
    "Ray's token without a yes",
    ["token", "--rotate"],
    2,
    /tasks that run now end.*[\s\S]*Nothing was changed/,
  ],
  ["two things to do with tokens", ["token", "--rotate", "--revoke"], 64, /cannot be used with/],
  ["a carrier with no token to join", ["token", "--rotate", "--carrier"], 64, /cannot be used with/],
  ["a time that is none", ["token", "--expires", "soon"], 64, /expected a time such as 30m/],
  ["a card that is not there", ["init", "--interface", "ib9"], 78, /no network card or IPv4 address ib9/],
  ["two ways to say it", ["init", "--interface", "ib9", "--ip", "10.0.0.1"], 64, /cannot be used with/],
  [
    "what the machine lacks",
    ["join", elsewhere],
    75,
    /2 problems\n.*is rootless[\s\S]*cannot be reached from here/,
  ],
])("%s: refused, and nothing was made", async (_, words, exitCode, said) => {
  const engine = new FakeEngine(ANSWERS);
  const { code, err } = await engine.ws(words);
  expect(err).toMatch(said);
  expect(code).toBe(exitCode);
  expect(existsSync(join(stateOf(engine), "machine"))).toBe(false);
});

test("a machine with a cluster of its own, and one that has joined, join none", async () => {
  const engine = new FakeEngine(ANSWERS);
  rememberUp(stateOf(engine), { runtime: "docker", projectName: "p" });
  expect(await engine.ws(["join", elsewhere])).toMatchObject({ code: 2, err: /a cluster of its own/ });
  writeMachine(stateOf(engine), MEMBER, "");
  expect(await engine.ws(["join", elsewhere])).toMatchObject({ code: 2, err: /joined a cluster as gpu02/ });
});

test("a machine.json that cannot be read is a failure, and not a machine that is no member", async () => {
  const engine = new FakeEngine(ANSWERS);
  writeMachine(stateOf(engine), MEMBER, "");
  const file = join(stateOf(engine), "machine/machine.json");
  writeFileSync(file, "{");
  for (const words of [["join", elsewhere], ["init"], ["ps"], ["doctor"], ["test"]]) {
    const { code, err } = await engine.ws(words);
    expect(err).toContain(`${file} cannot be used: it is damaged`);
    expect(code).toBe(74);
  }
  rmSync(file);
  mkdirSync(file);
  expect(await engine.ws(["init"])).toMatchObject({ code: 74, err: expect.stringContaining("EISDIR") });
});

/** An engine that is fit for a member, and that refuses to make one. `more`: what else it answers. */
const FIT = (more = "") => `
  "compose version"*) echo 5.0 ;;
  info*) echo '${info()}' ;;
  ${more}
  "image inspect"*) exit 1 ;;
  *" build"*|*" up "*|build*) echo no >&2; exit 1 ;;`;

test("an init that fails removes what it made, and not the identity of a cluster that was there", async () => {
  const engine = new FakeEngine(FIT());
  mkdirSync(join(stateOf(engine), "cluster"), { recursive: true });
  writeFileSync(join(stateOf(engine), "cluster/cluster.json"), "{}");
  const { code, err } = await engine.ws(["init", "--ip", "127.0.0.1"]);
  expect([code, err]).toEqual([75, expect.stringContaining("The engine refused")]);
  expect(readdirSync(stateOf(engine)).filter((each) => each !== "docker")).toEqual([
    "cluster",
    "member.lock",
  ]);
});

test("in the carrier images are built with its own Node, and their base is asked for once", async () => {
  const engine = new FakeEngine(FIT('"image inspect --format {{.Config.User}}"*) echo ray ;;'));
  await engine.ws(["init", "--ip", "127.0.0.1"], { WS_CARRIER: "carrier:1" });
  const asked = readFileSync(engine.asked, "utf8");
  expect(asked).toMatch(/^compose .* build --build-arg NODE_IMAGE=carrier:1 /m);
  expect(asked.match(/^image inspect .* rayproject\/ray:latest$/gm)).toHaveLength(1);
});

test("what an engine still has of an earlier membership is named, and not touched", async () => {
  const volumes = '"volume ls"*) echo ray-machine-gpu02-state ;;';
  const engine = new FakeEngine(FIT(volumes));
  const { code, err } = await engine.ws(["init", "--ip", "127.0.0.1"]);
  expect([code, err]).toEqual([75, expect.stringContaining("docker volume rm ray-machine-gpu02-state")]);
  expect(readFileSync(engine.asked, "utf8")).not.toMatch(/ rm /);
});

test("a second ws join waits for the first, and then sees what that has made", async () => {
  const engine = new FakeEngine(FIT());
  const folder = stateOf(engine);
  const signal = new AbortController().signal;
  const first = Promise.withResolvers<void>();
  const waiting = Promise.withResolvers<void>();
  const holding = withLock(
    join(folder, "member.lock"),
    { signal, progress: { begin: () => {} } },
    async () => {
      waiting.resolve();
      await first.promise;
      writeMachine(folder, MEMBER, "");
      return ok(undefined);
    },
  );
  await waiting.promise;
  const second = engine.ws(["join", elsewhere]);
  const { ino } = statSync(join(folder, "member.lock"));
  await until("the second to wait", () =>
    new RegExp(`-> FLOCK .*:${ino} `).test(readFileSync("/proc/locks", "utf8")),
  );
  first.resolve();
  expect(await second).toMatchObject({
    code: 2,
    err: expect.stringContaining("joined a cluster as gpu02"),
  });
  await holding;
});

test("what a machine keeps of its membership is closed to others, and the token to nobody in the container", () => {
  const engine = new FakeEngine(ANSWERS);
  writeMachine(stateOf(engine), { ...MEMBER, advertise: "10.77.0.2:8443" }, "ws1.x");
  writeMachine(stateOf(engine), { ...MEMBER, candidate: true });
  expect(readMachine(stateOf(engine))).toEqual({ ok: true, value: { ...MEMBER, candidate: true } });
  const modes = ["machine", "machine/secrets", "cluster", "machine/secrets/join_token"].map((path) =>
    (statSync(join(stateOf(engine), path)).mode & 0o777).toString(8),
  );
  expect(modes).toEqual(["700", "700", "700", "444"]);
});

test("nothing is left of a membership, of a join that failed its log alone", () => {
  const engine = new FakeEngine(ANSWERS);
  const folder = stateOf(engine);
  writeMachine(folder, { ...MEMBER, advertise: "10.77.0.2:8443" }, "ws1.x");
  mkdirSync(join(folder, "machine/logs"));
  forgetMachine(folder, [logsOf(folder)]);
  expect(readdirSync(folder)).toEqual(["machine"]);
  expect(readdirSync(join(folder, "machine"))).toEqual(["logs"]);
  forgetMachine(folder);
  expect(readdirSync(folder)).toEqual([]);
});

test("the log of another machine is not here, and that is what ws logs says", async () => {
  const engine = new FakeEngine(`${ANSWERS}\n  "ps "*) ;;`);
  writeMachine(stateOf(engine), MEMBER, "ws1.x");
  const { code, err } = await engine.ws(["logs", "gpu01"]);
  expect(err).toContain("✗ The log of gpu01 is not on this machine");
  expect(code).toBe(78);
});

test("a member whose node was taken down is told to start it, and not that it is no member", async () => {
  const engine = new FakeEngine(`${ANSWERS}\n  "ps "*) ;;`);
  writeMachine(stateOf(engine), MEMBER, "ws1.x");
  const { code, err } = await engine.ws(["open"]);
  expect([code, err]).toEqual([75, expect.stringContaining("→ Start it: ws up.")]);
});

test("ws down -v of a member would end its membership, and does not", async () => {
  const engine = new FakeEngine(ANSWERS);
  mkdirSync(stateOf(engine), { recursive: true });
  writeMachine(stateOf(engine), MEMBER, "ws1.x");
  writeFileSync(join(engine.root, "config.yaml"), "");
  const { code, err } = await engine.ws(["down", "-v"]);
  expect(err).toContain("→ To stop it: ws down. To end the membership: ws leave.");
  expect(code).toBe(2);
});
