import { constants } from "node:os";
import type { Failure } from "../../common/failure.ts";

/** The numbers of sysexits.h and of the shell (docs/deciding.md, "Exit codes"). */
const CODES: Partial<Record<Failure["reason"], number>> = {
  "no-head-in-time": 75,
  "not-ready-in-time": 75,
  "raylet-ended": 75,
  "state-taken": 75,
  "no-health-service": 75,
  "join-unclear": 75,
  "head-not-reached": 75,
  moved: 75,
  "membership-unwritable": 74,
  "state-unwritable": 74,
  "store-failed": 74,
  "no-guard": 71,
  "too-many-restarts": 70,
  "pip-failed": 69,
  "ray-not-executable": 126,
  "ray-not-found": 127,
};
const WRONG_CONFIGURATION = 78;

/** The exit code for each way to end; a requested stop that completed is 0 and is no failure. */
export function exitCodeOf(failure: Failure): number {
  if (failure.reason !== "ray-exited") return CODES[failure.reason] ?? WRONG_CONFIGURATION;
  const { exitCode, signal } = failure;
  if (signal !== null) return 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);
  // A code of 0 that nobody asked for is no success: the node is gone.
  return exitCode || 1;
}
