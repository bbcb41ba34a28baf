import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { logLines, readLog } from "./log-files.ts";

test("a log that is followed goes on where it was read to, through half lines, a new file and a cut", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ws-log-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "ray-cpu.log");
  const at = "2026-01-31T12:00:00.000Z";
  writeFileSync(file, `${at} first\n${at} second\nthird of Ray, ä h`);
  const stop = new AbortController();
  const request = { follow: true, tail: 1 };
  const lines = readLog(file, process.env, request, stop.signal);
  const next = async () => {
    const { value } = await lines.next();
    return value === undefined ? undefined : `${value.time} ${value.text}`;
  };
  expect(await next()).toBe(`${at} second`);
  appendFileSync(file, "alf\n");
  expect(await next()).toBe(`${at} third of Ray, ä half`);
  renameSync(file, `${file}.1`);
  writeFileSync(file, "of a new start\n");
  expect(await next()).toBe(`${at} of a new start`);
  writeFileSync(file, "cut\n");
  expect(await next()).toBe(`${at} cut`);
  const ended = lines.next();
  stop.abort();
  expect(await ended).toEqual({ done: true, value: undefined });
});

test("a log that is not there is empty; one that cannot be read is not", () => {
  expect(logLines(join(tmpdir(), "ws-log-none"))).toEqual([]);
  expect(() => logLines(tmpdir())).toThrow("EISDIR");
});
