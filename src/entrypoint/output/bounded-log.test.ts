import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { boundedWrite } from "./bounded-log.ts";

let folder = "";
let fd = 0;
const file = () => join(folder, "ray-cpu.log");
const text = (name: string) => readFileSync(name, "utf8");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bounded-log-"));
  fd = openSync(file(), "a");
});
afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true, force: true });
});

/** Opens the file anew, in another way. */
function reopen(flags: string): void {
  closeSync(fd);
  fd = openSync(file(), flags);
}

const writer = (limit: number | null) => boundedWrite((words) => void writeSync(fd, words), fd, limit, null);

test("a file at its limit is emptied, and what it held stands beside it", () => {
  const write = writer(10);
  for (const line of ["one\n", "two\n", "three\n", "four\n"]) write(line);
  expect(text(file())).toBe("four\n");
  expect(text(`${file()}.1`)).toBe("one\ntwo\nthree\n");
});

test("however much is written, two files of about the limit are all there is", () => {
  const write = writer(1000);
  for (let i = 0; i < 1000; i++) write(`${"x".repeat(99)}\n`);
  expect(fstatSync(fd).size).toBeLessThanOrEqual(1100);
  expect(text(`${file()}.1`).length).toBeLessThanOrEqual(1100);
});

test("another process that has the file open goes on behind the cut, without a hole", async () => {
  const child = spawn("sh", ["-c", "echo before; read -r _; echo after"], { stdio: ["pipe", fd, fd] });
  const write = writer(7);
  while (fstatSync(fd).size < 7) await new Promise((resolve) => setTimeout(resolve, 5));
  write("cut\n");
  child.stdin?.end("go\n");
  await new Promise((resolve) => child.once("close", resolve));
  expect(text(file())).toBe("cut\nafter\n");
});

test("no limit, or a file that is not appended to: nothing is emptied", () => {
  const free = writer(null);
  for (let i = 0; i < 100; i++) free("line\n");
  reopen("r+");
  const held = writer(10);
  held("line\n");
  expect(fstatSync(fd).size).toBe(500);
  expect(existsSync(`${file()}.1`)).toBe(false);
});

test("a log that cannot be kept is emptied all the same", () => {
  mkdirSync(`${file()}.1`);
  const write = writer(4);
  for (const line of ["one\n", "two\n"]) write(line);
  expect(text(file())).toBe("two\n");
});

test("B5 FILE.1 is not followed if it is a link", () => {
  writeFileSync(join(folder, "target"), "precious");
  symlinkSync(join(folder, "target"), `${file()}.1`);
  const write = writer(10);
  write("more than ten bytes\n");
  write("x\n");
  expect(readFileSync(join(folder, "target"), "utf8")).toBe("precious");
  expect(readFileSync(`${file()}.1`, "utf8")).toBe("more than ten bytes\n");
});
