import { expect, test } from "vitest";
import { StopRequest } from "./stop-request.ts";

test("the first signal gives the name and the moment; an INT, or any second signal, means now", () => {
  let nowMs = 1000;
  const asked = (...signals: readonly Parameters<StopRequest["receive"]>[0][]) => {
    const request = new StopRequest({ now: () => nowMs++ });
    for (const signal of signals) request.receive(signal);
    const { signal, askedAtMs, urgent } = request;
    return [signal, askedAtMs, urgent.aborted];
  };
  expect(asked("SIGTERM")).toEqual(["SIGTERM", 1000, false]);
  expect(asked("SIGTERM", "SIGQUIT")).toEqual(["SIGTERM", 1001, true]);
  expect(asked("SIGTERM", "removal")).toEqual(["SIGTERM", 1002, false]);
  expect(asked("removal", "SIGTERM")).toEqual(["removal", 1003, true]);
  expect(asked("SIGINT")).toEqual(["SIGINT", 1004, true]);
});
