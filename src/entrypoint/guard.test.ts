import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { until } from "../../test/fixtures/until.ts";
import { pause } from "../common/deadline.ts";
import { GUARD_PROGRAM, Guard } from "./guard.ts";

/**
 * What bash 5.2 does when the wall clock jumps ahead: every second `read` with a time limit ends as timed out with the
 * line's first character read. A real clock cannot be set in a test.
 */
const JUMPING_READ = `read() {
  [ "$2" = -t ] || { builtin read "$@"; return; }
  turn=$((turn + 1))
  [ $((turn % 2)) = 1 ] || { builtin read "$@"; return; }
  builtin read -r -t "$3" -N 1 sign
  return 142
}`;

const GUARD_FILE = new URL("guard.ts", import.meta.url).pathname;
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

test("a wall clock that jumps ends no lease; renewals that stop do", async () => {
  const file = join(folder, "jumping-read.sh");
  writeFileSync(file, JUMPING_READ);
  const words = ["-c", GUARD_PROGRAM, "ray-guard", String(session.pid), "3000"];
  const guard = spawn("/bin/bash", words, { env: { BASH_ENV: file }, stdio: ["pipe", "ignore", "ignore"] });
  const ended = once(guard, "exit");
  for (let i = 0; i < 8; i++) {
    await pause(500);
    guard.stdin?.write("3000\n");
  }
  expect(killed()).toBe(false);
  await until("the guard kills the session that is not renewed", killed);
  await ended;
});

const children = (): string[] =>
  readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ").filter(Boolean);
const guards = () =>
  children().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("ray-guard"));

// It shows something only to a user whose ~/.bashrc fails or speaks without an environment, as many do.
test("what this user has in ~/.bashrc is not run", async () => {
  const words = [
    "-e",
    `import { Guard } from ${JSON.stringify(GUARD_FILE)};
    const guard = new Guard({ session: ${session.pid}, limitMs: () => null, onLost: () => {} });
    await guard.dismiss();`,
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
  const onLost = vi.fn();
  const guard = new Guard({ session: session.pid ?? 0, limitMs: () => null, onLost });
  const first = await until("the guard", () => guards()[0]);
  process.kill(Number(first), "SIGKILL");
  await until("another one", () => guards().some((pid) => pid !== first));
  expect(onLost).toHaveBeenCalledOnce();
  await guard.dismiss();
  expect(guards()).toEqual([]);
  expect(killed()).toBe(false);
});
