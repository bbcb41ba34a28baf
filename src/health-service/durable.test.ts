import { execFileSync } from "node:child_process";
import { linkSync, lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { append, writeDurably } from "./durable.ts";
import { HistoryFile } from "./history/history-file.ts";
import { StateFile } from "./lease/state-file.ts";

let folder: string;
let victim: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "durable-"));
  victim = join(folder, "victim");
  writeFileSync(victim, "as it was", { mode: 0o644 });
});
afterEach(() => {
  expect(readFileSync(victim, "utf8")).toBe("as it was");
  rmSync(folder, { recursive: true });
});

describe.each([
  ["a link", symlinkSync],
  ["a second name of another file", linkSync],
])("%s that somebody put there", (_, plant) => {
  test("is not written through", async () => {
    const path = join(folder, "file");
    for (const each of [path, `${path}.new`]) plant(victim, each);
    await writeDurably(path, "ours");
    expect(readFileSync(path, "utf8")).toBe("ours");
    expect(lstatSync(path)).toMatchObject({ mode: 0o100600, nlink: 1 });
  });

  test("is not added to; the history is written anew", async () => {
    const path = join(folder, "events.jsonl");
    const failures: string[] = [];
    const file = new HistoryFile(folder, (_, cause) => failures.push(cause));
    const event = { id: 1, at: 0, kind: "silent", node: "a" } as const;
    file.keep(event, [event]);
    await expect.poll(() => lstatSync(path, { throwIfNoEntry: false })?.size).toBeGreaterThan(0);
    rmSync(path);
    plant(victim, path);
    const next = { ...event, id: 2 };
    file.keep(next, [event, next]);
    await expect.poll(() => readFileSync(path, "utf8").split("\n").length).toBe(3);
    expect(failures).toEqual([]);
  });

  test("is not what a damaged lease is copied to", async () => {
    writeFileSync(join(folder, "lease.json"), "no JSON");
    plant(victim, join(folder, "lease.json.damaged"));
    expect(await new StateFile(folder).recall()).toMatchObject({ value: { kind: "damaged" } });
    expect(readFileSync(join(folder, "lease.json.damaged"), "utf8")).toBe("no JSON");
  });
});

test("a FIFO in the place of a file holds nobody up", async () => {
  const path = join(folder, "file");
  execFileSync("mkfifo", [path, `${path}.new`]);
  expect(await append(path, "ours")).toBe(false);
  await writeDurably(path, "ours");
  expect(readFileSync(path, "utf8")).toBe("ours");
  expect(await append(path, " too")).toBe(true);
  expect(readFileSync(path, "utf8")).toBe("ours too");
});
