import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { until } from "../../../../test/fixtures/until.ts";
import { bootMs, pause, realClock } from "../../../common/deadline.ts";
import { Guard, type GuardSettings } from "./guard.ts";
import { GUARD_PROGRAM, startGuard } from "./guard-process.ts";

/**
 * What bash 5.2 does when the wall clock jumps ahead: every second `read` with a time limit ends as timed out with the
 * line's first character read. A real clock cannot be set in a test.
 */
const JUMPING_READ = `read() {
  [ "$2" = -t ] || { builtin read "$@"; return; }
  turn=$((turn + 1))
  [ $((turn % 2)) = 1 ] || { builtin read "$@"; return; }
  builtin read -r -t "$3" -N 1 word
  return 142
}`;

const PROCESS_FILE = new URL("guard-process.ts", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "guard-"));
let session: ChildProcess;

beforeEach(() => {
  session = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
});

afterEach(() => {
  session.kill("SIGKILL");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const killed = () => session.signalCode === "SIGKILL";

/** The guard's program alone, beside `session`. */
function program(clock: string, env: Record<string, string> = {}) {
  const words = ["--norc", "-c", GUARD_PROGRAM, "ray-guard", clock];
  const child = spawn("/bin/bash", words, { env, stdio: ["pipe", "pipe", "ignore"] });
  child.stdin.on("error", () => {});
  const say = (word: string) => void child.stdin?.write(`${word}\n`);
  say(`session ${session.pid}`);
  return { child, say, stands: once(child.stdout, "data"), ended: once(child, "exit") };
}

test("a wall clock that jumps ends no lease; renewals that stop do", async () => {
  const file = join(folder, "jumping-read.sh");
  writeFileSync(file, JUMPING_READ);
  const { say, ended } = program("/proc/uptime", { BASH_ENV: file });
  for (let i = 0; i < 8; i++) {
    say(`until ${bootMs() + 3000}`);
    await pause(500);
  }
  expect(killed()).toBe(false);
  await until("the guard kills the session that is not renewed", killed);
  await ended;
});

test("A5 after a suspend past the deadline the session is killed soon after waking", async () => {
  const clock = join(folder, "uptime");
  const setTo = (seconds: number) => writeFileSync(clock, `${seconds.toFixed(2)} 0.00\n`);
  setTo(100);
  const { child, say, ended } = program(clock);
  say("until 110000");
  // Timers and this process did not notice it.
  await pause(600);
  expect(killed()).toBe(false);
  child.kill("SIGSTOP");
  setTo(161);
  child.kill("SIGCONT");
  await until("the end of the session", killed, 3000);
  expect(await ended).toEqual([3, null]);
});

test("A5 a clock that becomes unreadable makes the guard kill; without a readable clock no guard starts", async () => {
  const clock = join(folder, "gone");
  const without = program(clock);
  expect(await without.ended).toEqual([1, null]);
  expect(killed()).toBe(false);

  writeFileSync(clock, "100.00 0.00\n");
  const { say, stands, ended } = program(clock);
  await stands;
  say("until 110000");
  rmSync(clock);
  expect(await ended).toEqual([3, null]);
  await until("the end of the session", killed);
});

test("a TERM does not end the guard; the end of its input makes it kill the session", async () => {
  const { child, stands, ended } = program("/proc/uptime");
  await stands;
  child.kill("SIGTERM");
  child.stdin.end();
  expect(await ended).toEqual([3, null]);
  await until("the end of the session", killed);
});

const children = (): string[] =>
  readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ").filter(Boolean);
const guards = () =>
  children().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("ray-guard"));

function guardOf(settings: Partial<GuardSettings> = {}) {
  const [onChange, onGone] = [vi.fn(), vi.fn()];
  const untilMs = () => null;
  const guard = new Guard({
    clock: realClock,
    start: () => startGuard(),
    untilMs,
    onChange,
    onGone,
    ...settings,
  });
  guard.watch(session.pid ?? 0);
  return { guard, onChange, onGone };
}

// It shows something only to a user whose ~/.bashrc fails or speaks without an environment, as many do.
test("what this user has in ~/.bashrc is not run", async () => {
  const words = [
    "-e",
    `import { startGuard } from ${JSON.stringify(PROCESS_FILE)};
    const guard = startGuard();
    await guard.stands;
    guard.say("dismissed");
    await guard.ended;`,
  ];
  const program = spawn(process.execPath, ["--input-type=module", ...words], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  program.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  expect(await once(program, "close")).toEqual([0, null]);
  expect(said).not.toContain("bashrc");
});

test("a guard that is killed is told of and replaced; one that is dismissed harms nobody", async () => {
  const { guard, onChange, onGone } = guardOf();
  expect(await guard.stands).toBeNull();
  const [first] = guards();
  process.kill(Number(first), "SIGKILL");
  await until("another one", () => guards().some((pid) => pid !== first));
  await until("word of it", () => onChange.mock.calls.length === 2);
  expect(onChange.mock.calls).toEqual([["/bin/bash ended with SIGKILL"], [null]]);
  await guard.dismiss();
  expect(guards()).toEqual([]);
  expect(killed()).toBe(false);
  expect(onGone).not.toHaveBeenCalled();
});

test("a new guard gets the session and the deadline", async () => {
  const untilMs = bootMs() + 2500;
  const { guard } = guardOf({ untilMs: () => untilMs });
  await guard.stands;
  process.kill(Number(guards()[0]), "SIGKILL");
  await until("the end of the session", killed);
  expect(bootMs()).toBeGreaterThanOrEqual(untilMs);
  await guard.dismiss();
});

test("A7 a guard that cannot be started is tried again, and reported as gone if the deadline passes without one", async () => {
  const bash = join(folder, "bash");
  const untilMs = bootMs() + 1500;
  const { guard, onChange, onGone } = guardOf({
    start: () => startGuard(undefined, bash),
    untilMs: () => untilMs,
  });
  expect(await guard.stands).toBe(`${bash} cannot be started: spawn ${bash} ENOENT`);
  expect(onGone).not.toHaveBeenCalled();
  await until("the deadline to pass", () => onGone.mock.calls.length > 0);
  expect(bootMs()).toBeGreaterThanOrEqual(untilMs);
  expect(killed()).toBe(false);

  symlinkSync("/bin/bash", bash);
  await until("the session's end by the one that stands at last", killed);
  expect(onChange.mock.calls).toEqual([[`${bash} cannot be started: spawn ${bash} ENOENT`], [null]]);
  await guard.dismiss();
});

test.each([
  ["a file that is no program", "", /cannot be started: spawn .* EACCES$/, 0o644],
  ["one that ends at once", "#!/bin/sh\nexit 4\n", /ended with exit code 4$/, 0o755],
])("A7 %s is no guard", async (_, text, words, mode) => {
  const bash = join(folder, `bash-${mode}`);
  writeFileSync(bash, text);
  chmodSync(bash, mode);
  const { guard } = guardOf({ start: () => startGuard(undefined, bash) });
  expect(await guard.stands).toMatch(words);
  await guard.dismiss();
});
