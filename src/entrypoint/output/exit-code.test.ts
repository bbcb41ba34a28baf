import { expect, test } from "vitest";
import { EVERY_FAILURE } from "../../../test/fixtures/failures.ts";
import type { Failure } from "../../common/failure.ts";
import { exitCodeOf } from "./exit-code.ts";

const CODES: Readonly<Record<Exclude<Failure["reason"], "ray-exited">, number>> = {
  "bad-command-line": 78,
  "bad-configuration": 78,
  "bad-join-token": 78,
  "no-health-service": 75,
  "other-key": 78,
  "join-refused": 78,
  "join-unclear": 75,
  "wrong-address": 78,
  "ports-taken": 78,
  "not-reached": 78,
  "head-not-reached": 75,
  moved: 75,
  "membership-unwritable": 74,
  "no-such-user": 78,
  "wrong-user": 78,
  "requirements-unreadable": 78,
  "ray-not-found": 127,
  "ray-not-executable": 126,
  "no-head-in-time": 75,
  "version-differs": 78,
  "python-differs": 78,
  unauthorized: 78,
  "tls-differs": 78,
  "duplicate-name": 78,
  "not-a-candidate": 78,
  "pip-failed": 69,
  "port-taken": 78,
  "state-taken": 75,
  "state-unwritable": 74,
  "store-failed": 74,
  "no-guard": 71,
  "too-many-restarts": 70,
  "not-ready-in-time": 75,
  "raylet-ended": 75,
};

test.each(Object.entries(CODES))("%s: %d", (reason, code) => {
  expect(exitCodeOf(EVERY_FAILURE[reason as Failure["reason"]])).toBe(code);
});

test.each([
  ["Ray's own code", 3, null, 3],
  ["128 + 9 for KILL", null, "SIGKILL", 137],
  ["128 + 15 for TERM", null, "SIGTERM", 143],
  ["a success that nobody asked for is none", 0, null, 1],
])("ray-exited: %s", (_, exitCode, signal, code) => {
  expect(exitCodeOf({ reason: "ray-exited", exitCode, signal, ranMs: 0 })).toBe(code);
});
