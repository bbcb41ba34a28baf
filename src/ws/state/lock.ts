import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { execa } from "execa";
import { err } from "../../common/result.ts";
import { type Attempt, interrupted } from "../failure.ts";
import type { Job } from "../output/progress.ts";

/**
 * Does one change of a cluster at a time. The kernel's lock on `file` ends with its holder. Node has no flock(2), so
 * util-linux's flock(1) holds it for as long as our end of its pipe is open.
 */
export async function withLock<T>(
  file: string,
  { progress, signal }: Pick<Job, "signal"> & { readonly progress: Pick<Job["progress"], "begin"> },
  work: () => Attempt<T>,
): Attempt<T> {
  if (signal.aborted) return err(interrupted(signal));
  mkdirSync(dirname(file), { recursive: true });
  closeSync(openSync(file, "a"));
  // Its own session: Ctrl-C at the terminal must not take the lock away while we still clean up.
  const options = { detached: true, reject: false, stdin: "pipe" } as const;
  const holder = execa("flock", [file, "sh", "-c", "echo held; exec cat"], options);
  const held = new Promise<undefined>((resolve) => holder.stdout.once("data", () => resolve(undefined)));
  const onWait = () => progress.begin("lock", "Another ws is at work on this cluster; waiting for it");
  const waiting = setTimeout(onWait, 300);
  const onAbort = () => holder.kill("SIGKILL");
  signal.addEventListener("abort", onAbort, { once: true });
  const ended = await Promise.race([held, holder]);
  clearTimeout(waiting);
  signal.removeEventListener("abort", onAbort);
  if (ended === undefined)
    try {
      return await work();
    } finally {
      holder.stdin.end();
      await holder;
    }
  if (ended.code === "ENOENT")
    return err({ reason: "no-tool", tool: "flock", fix: "Install util-linux (apt-get install util-linux)." });
  const lines = ended.stderr.trim().split("\n").filter(Boolean);
  return err(signal.aborted ? interrupted(signal) : { reason: "lock-failed", file, lines });
}
