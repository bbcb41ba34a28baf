import { constants } from "node:os";
import type { Failure } from "../../common/failure.ts";

/**
 * The exit code for each way to end (the numbers of sysexits.h and of the shell; docs/deciding.md, "Exit codes").
 * Pure; a requested stop that completed is 0 and is no failure.
 */
export function exitCodeOf(failure: Failure): number {
  switch (failure.reason) {
    case "no-head-in-time":
    case "not-ready-in-time":
      return 75;
    case "too-many-restarts":
      return 70;
    case "ray-not-found":
      return 127;
    case "ray-not-executable":
      return 126;
    case "no-guard":
      return 71;
    case "pip-failed":
      return 69;
    case "ray-exited":
      return rayExitCode(failure);
    default:
      return 78;
  }
}

/** Ray's own code, or 128 + n for signal n. A code of 0 that nobody asked for is no success: the node is gone. */
function rayExitCode({ exitCode, signal }: Extract<Failure, { reason: "ray-exited" }>): number {
  if (signal !== null) return 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);
  return exitCode === null || exitCode === 0 ? 1 : exitCode;
}
