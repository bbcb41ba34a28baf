import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { takeLock } from "./lock.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ws-lock-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const never = new AbortController().signal;
const nothing = () => {};

test("two want it: the second waits, and has it when the first lets go", async () => {
  const first = await takeLock(join(folder, "lock"), nothing, never);
  const said = vi.fn();
  const second = takeLock(join(folder, "lock"), said, never);
  await vi.waitFor(() => expect(said).toHaveBeenCalled(), 10_000);
  if (!first.ok) throw new Error("the first has it");
  await first.value.release();
  const has = await second;
  if (!has.ok) throw new Error("the second has it");
  await has.value.release();
});

test("a signal that was aborted before is heard", async () => {
  const stop = AbortSignal.abort("SIGTERM");
  expect(await takeLock(join(folder, "lock"), nothing, stop)).toEqual({
    ok: false,
    error: { reason: "interrupted", signal: "SIGTERM" },
  });
});

test("a flock that fails is no Ctrl-C: its own words are kept", async () => {
  writeFileSync(join(folder, "flock"), "#!/bin/sh\necho 'flock: no locks available' >&2\nexit 71\n");
  chmodSync(join(folder, "flock"), 0o755);
  vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
  expect(await takeLock(join(folder, "lock"), nothing, never)).toMatchObject({
    ok: false,
    error: { reason: "lock-failed", lines: ["flock: no locks available"] },
  });
});
