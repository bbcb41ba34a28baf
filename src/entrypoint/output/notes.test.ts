import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { aliveNote, noteFile } from "./notes.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "alive-note-"));
  file = join(folder, "alive");
});
afterEach(() => rmSync(folder, { recursive: true }));

const noteAt = (path: string | null) => aliveNote(noteFile(path, null), 1000);
const bootSeconds = (): number => Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);

test("a note says until when it holds, three looks and a second from now, and then its words", () => {
  const before = bootSeconds();
  noteAt(file).renew("ray-cpu is ALIVE");
  const after = bootSeconds();

  const [, until, words] = /^(\d+) (.*)\n$/.exec(readFileSync(file, "utf8")) ?? [];
  expect(words).toBe("ray-cpu is ALIVE");
  expect(Number(until)).toBeGreaterThanOrEqual(before + 10);
  expect(Number(until)).toBeLessThanOrEqual(after + 11);
});

test("B9 words from outside bring no line and no control character into it", () => {
  noteAt(file).renew("ALIVE (Ray 2.60\n99999999999 forged \u001b[31m)");
  expect(readFileSync(file, "utf8")).toMatch(
    /^\d+ ALIVE \(Ray 2\.60\\u000a99999999999 forged \\u001b\[31m\)\n$/,
  );
});

test("a note that is dropped is gone, and may be dropped again", () => {
  const note = noteAt(file);
  note.renew("ray-cpu is ALIVE");
  note.drop();
  note.drop();
  expect(existsSync(file)).toBe(false);
});

test("a link in its place is replaced and not written through", () => {
  const victim = join(folder, "victim");
  writeFileSync(victim, "untouched");
  for (const name of ["alive", "alive.new"]) symlinkSync(victim, join(folder, name));
  noteAt(file).renew("ray-cpu is ALIVE");
  expect(readFileSync(victim, "utf8")).toBe("untouched");
  expect(readFileSync(file, "utf8")).toContain("ray-cpu is ALIVE");
});

test("a folder that is not there, and no file at all, do no harm", () => {
  const missing = noteAt(join(folder, "missing", "alive"));
  missing.renew("ray-cpu is ALIVE");
  missing.drop();
  noteAt(null).renew("ray-cpu is ALIVE");
  expect(existsSync(join(folder, "missing"))).toBe(false);
});
