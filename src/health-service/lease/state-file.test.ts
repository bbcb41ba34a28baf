import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HIGHEST_EPOCH } from "../../common/protocol/lease-protocol.ts";
import { StateFile } from "./state-file.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "health-store-"));
  file = join(folder, "lease.json");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const stateAbove = (epoch: number) => ({
  ...{ epoch: 0, highestEpochSeen: epoch, hold: null, sole: { node: "cpu", since: 3 } },
});

test("what was saved is recalled", async () => {
  expect(await new StateFile(folder).recall()).toEqual({ ok: true, value: { kind: "none" } });
  expect(await new StateFile(folder).save(stateAbove(7))).toMatchObject({ ok: true });
  expect(await new StateFile(folder).recall()).toMatchObject({ value: { kind: "kept", ...stateAbove(7) } });
});

test("A1 a holder may be strict if the file does not say how it is fenced", async () => {
  const hold = { node: "cpu", life: "1", address: "cpu:6379", clusterId: null, epoch: 7 };
  const kept = async (more: object) => {
    writeFileSync(file, JSON.stringify({ version: 1, epoch: 7, heard: 7, hold: { ...hold, ...more } }));
    return new StateFile(folder).recall();
  };
  expect(await kept({})).toMatchObject({ value: { hold: { strict: true } } });
  expect(await kept({ strict: false })).toMatchObject({ value: { hold: { strict: false } } });
});

test("a state that cannot be read is an error, not an empty one", async () => {
  mkdirSync(file);
  expect(await new StateFile(folder).recall()).toEqual({
    ok: false,
    error: expect.stringContaining("EISDIR"),
  });
});

describe("a damaged file", () => {
  test.each([
    ["cut after its epoch", '{"version":1,"epoch":41,"heard":4', 41],
    ["cut in its epoch", '{"version":1,"epoch":41', 41],
    [
      "with an epoch that nobody can go on above",
      `{"version":1,"epoch":5,"heard":${2 ** 53},"hold":null}`,
      5,
    ],
    [
      "with an epoch above the highest",
      `{"version":1,"epoch":5,"heard":${HIGHEST_EPOCH + 1},"hold":null}`,
      5,
    ],
    ["of zeros", "\0".repeat(100), 0],
  ])("%s tells the highest epoch in it", async (_, text, epoch) => {
    writeFileSync(file, text);
    expect(await new StateFile(folder).recall()).toMatchObject({ value: { kind: "damaged", epoch } });
  });

  test("tells it again at the next start, until another state is on the disk; then it lies beside", async () => {
    writeFileSync(file, '{"epoch":41,');
    mkdirSync(`${file}.new`);
    const store = new StateFile(folder);
    await store.recall();
    expect(await store.save(stateAbove(41))).toMatchObject({ ok: false });
    expect(await new StateFile(folder).recall()).toMatchObject({ value: { kind: "damaged", epoch: 41 } });
    rmdirSync(`${file}.new`);
    expect(await store.save(stateAbove(41))).toMatchObject({ ok: true });
    expect(readFileSync(`${file}.damaged`, "utf8")).toBe('{"epoch":41,');
    expect(await new StateFile(folder).recall()).toMatchObject({
      value: { kind: "kept", highestEpochSeen: 41 },
    });
  });
});
