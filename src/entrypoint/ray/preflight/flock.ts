import { type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { SYSTEM_ENV } from "../../config/become.ts";

/** The exit code of the tool where another has the lock (util-linux, flock.c); others than 0 say that there can be none. */
export const TAKEN = 1;

/**
 * Node has no flock(2). The tool locks an inherited open file, and the lock stays with that file until everybody who
 * has it has closed it. Returns the tool's exit code; null where there is no such tool, or `signal` aborted first.
 */
export async function flock(
  fd: number,
  words: readonly string[],
  { tool = "flock", signal }: { tool?: string; signal?: AbortSignal } = {},
): Promise<number | null> {
  const stdio: StdioOptions = ["ignore", "ignore", "ignore", fd];
  const child = spawn(tool, [...words, "3"], { stdio, env: SYSTEM_ENV, ...(signal && { signal }) });
  const [exitCode] = await once(child, "exit").catch(() => [null]);
  return exitCode;
}
