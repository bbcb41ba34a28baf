import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { pause } from "../../common/deadline.ts";
import type { Failure } from "../../common/failure.ts";
import { signalProcess } from "../../common/proc.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { becoming } from "../config/become.ts";
import type { Event } from "../output/event.ts";
import type { Command } from "./command.ts";
import { inspectorOf } from "./inspect.ts";
import type { Exit, RayProcess } from "./ray.ts";
import { clearSession, rayNamesIn } from "./session-processes.ts";

const LAST_WORDS_MS = 200;

/** Starts a command as the leader of a new session; its output goes to our log, or directly to our output. */
export async function launch(
  { file, args, env, user, speaksAs: by }: Command,
  log: (event: Event<"said">) => void,
): Promise<Result<RayProcess, Failure>> {
  const output = by === null ? "inherit" : "pipe";
  const [program = file, ...words] = becoming(user, [file, ...args]);
  try {
    // Throws at once for some errors (EPERM where root may not become another user) and emits the others.
    const child = spawn(program, words, {
      env,
      // Ray's workers leave the process group but not the session: it is what holds all of a node together.
      detached: true,
      stdio: ["ignore", output, output],
      ...(user !== null && existsSync(user.home) ? { cwd: user.home } : {}),
    });
    const outputs = [child.stdout, child.stderr].filter((each) => each !== null);
    const silent = outputs.map((each) => relay(each, (line) => by && log({ type: "said", by, line })));
    await once(child, "spawn");
    return ok(launched(child, Promise.all(silent)));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT"
      ? err({ reason: "ray-not-found", path: file })
      : err({ reason: "ray-not-executable", file, code: code ?? message });
  }
}

/**
 * `ray start --block` and all that it starts. `child` is running and leads its own session; `silent` resolves when all
 * of its output was read.
 */
function launched(child: ChildProcess, silent: Promise<unknown>): RayProcess {
  const session = child.pid ?? 0;
  const exit = Promise.withResolvers<Exit>();
  let mayTerminate = true;
  child.once("exit", (code, signal) => {
    mayTerminate = false;
    // Its last output comes before our message about its end, unless a child of it keeps the output open.
    void Promise.race([silent, pause(LAST_WORDS_MS)]).then(() => exit.resolve({ code, signal }));
  });
  return {
    session,
    exited: exit.promise,
    names: () => rayNamesIn(session),
    inspector: (node) => inspectorOf(session, node),
    // To `ray start` alone: a signal to the group would end the GCS that its drain needs (docs/faults.md 1.3).
    terminate: () => {
      if (mayTerminate) signalProcess(session, "SIGTERM");
      mayTerminate = false;
    },
    clear: (timeoutMs) => clearSession(session, timeoutMs),
  };
}

/** Longer lines are cut here. */
const MAX_LINE = 16 * 1024;

/**
 * Passes on each line of a program's output, without colours and control characters; blank lines are left out.
 * Resolves when the program and all other writers have closed the output.
 */
export async function relay(from: Readable, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  const say = (text: string): void => {
    const line = stripVTControlCharacters(text)
      .replaceAll("\t", "  ")
      .replace(/\p{Cc}/gu, "")
      .trimEnd();
    if (line !== "") onLine(line);
  };
  from.on("error", () => {});
  from.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(say);
    if (rest.length < MAX_LINE) return;
    say(rest);
    rest = "";
  });
  await new Promise<void>((resolve) => from.once("close", resolve));
  say(rest);
}
