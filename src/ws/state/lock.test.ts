import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { err, ok } from "../../common/result.ts";
import { withLock } from "./lock.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ws-lock-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const never = new AbortController().signal;
const take = (work: () => Promise<void>, signal = never, begin = () => {}) =>
  withLock(join(folder, "lock"), { progress: { begin }, signal }, async () => ok(await work()));

test("two want it: the second waits, and has it when the first lets go, also by a throw", async () => {
  const [has, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const first = take(async () => {
    has.resolve();
    await release.promise;
    throw new Error("of the work");
  });
  await has.promise;
  const [said, work] = [vi.fn(), vi.fn()];
  const second = take(work, never, said);
  await vi.waitFor(() => expect(said).toHaveBeenCalled(), 10_000);
  expect(work).not.toHaveBeenCalled();
  release.resolve();
  await expect(first).rejects.toThrow("of the work");
  expect(await second).toEqual(ok(undefined));
  expect(work).toHaveBeenCalled();
});

test.each(["before it was asked", "while it waits"])("a signal that is aborted %s is heard", async (when) => {
  const [has, release, stop] = [
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
    new AbortController(),
  ];
  const first = take(async () => {
    has.resolve();
    await release.promise;
  });
  await has.promise;
  if (when.startsWith("before")) stop.abort("SIGTERM");
  const second = take(
    async () => {},
    stop.signal,
    () => stop.abort("SIGTERM"),
  );
  expect(await second).toEqual(err({ reason: "interrupted", signal: "SIGTERM" }));
  release.resolve();
  expect(await first).toEqual(ok(undefined));
});

test("a flock that fails is no Ctrl-C: its own words are kept", async () => {
  writeFileSync(join(folder, "flock"), "#!/bin/sh\necho 'flock: no locks available' >&2\nexit 71\n");
  chmodSync(join(folder, "flock"), 0o755);
  vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
  expect(await take(async () => {})).toMatchObject({
    error: { reason: "lock-failed", lines: ["flock: no locks available"] },
  });
});

test("a machine without flock is told what to install", async () => {
  vi.stubEnv("PATH", folder);
  expect(await take(async () => {})).toMatchObject({ error: { reason: "no-tool", tool: "flock" } });
});
