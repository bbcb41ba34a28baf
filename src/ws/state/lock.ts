import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { err, ok, type Result } from "../../common/result.ts";
import { interrupted, type WsFailure } from "../failure.ts";
import type { Job } from "../job.ts";

export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes the kernel's lock on `file`, which ends with its holder whatever way that dies. `onWait` is called once when
 * another holds it. Node has no flock(2), so util-linux's flock(1) holds it for as long as our end of its pipe is open.
 */
export async function takeLock(
  file: string,
  onWait: () => void,
  signal: AbortSignal,
): Promise<Result<Lock, WsFailure>> {
  if (signal.aborted) return err(interrupted(signal));
  mkdirSync(dirname(file), { recursive: true });
  closeSync(openSync(file, "a"));
  // Its own session: Ctrl-C at the terminal must not take the lock away while we still clean up.
  const holder = spawn("flock", [file, "sh", "-c", "echo held; exec cat"], {
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let words = "";
  holder.stderr.on("data", (chunk) => {
    words += chunk;
  });
  // Whoever is killed does not read what we write.
  holder.stdin.on("error", () => {});
  const held = new Promise<"held">((resolve) => holder.stdout.once("data", () => resolve("held")));
  const failed = new Promise<"no flock">((resolve) => holder.once("error", () => resolve("no flock")));
  const gone = new Promise<"gone">((resolve) => holder.once("close", () => resolve("gone")));
  const release = async (): Promise<void> => {
    holder.stdin.end();
    await gone;
  };
  const waiting = setTimeout(onWait, 300);
  const onAbort = () => holder.kill("SIGKILL");
  signal.addEventListener("abort", onAbort, { once: true });
  const first = await Promise.race([held, failed, gone]);
  clearTimeout(waiting);
  signal.removeEventListener("abort", onAbort);
  if (first === "held") return ok({ release });
  if (first === "gone" && signal.aborted) return err(interrupted(signal));
  if (first === "gone")
    return err({ reason: "lock-failed", file, lines: words.trim().split("\n").filter(Boolean) });
  return err({ reason: "no-tool", tool: "flock", fix: "Install util-linux (apt-get install util-linux)." });
}

/** Does one change of a cluster at a time: a second `ws` waits for the first. */
export async function withLock<T>(
  file: string,
  { progress, signal }: Pick<Job, "progress" | "signal">,
  work: () => Promise<Result<T, WsFailure>>,
): Promise<Result<T, WsFailure>> {
  const onWait = () => progress.begin("lock", "Another ws is at work on this cluster; waiting for it");
  const lock = await takeLock(file, onWait, signal);
  if (!lock.ok) return lock;
  try {
    return await work();
  } finally {
    await lock.value.release();
  }
}
