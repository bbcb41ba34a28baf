import { expect, test } from "vitest";
import { bytesLeft } from "./disk.ts";

test("a folder that is not there yet has the room of the disk on which it would be", () => {
  expect(bytesLeft("/dev/shm/not/there/yet")).toBe(bytesLeft("/dev/shm"));
  expect(bytesLeft("/proc/self/stat/below-a-file")).toBeNull();
});
