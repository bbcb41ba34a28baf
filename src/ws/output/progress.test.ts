import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { createLogUpdate } from "log-update";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createProgress } from "./progress.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe("where nothing can be redrawn", () => {
  const written: string[] = [];
  const err = (text: string) => void written.push(text);
  const progress = () => {
    written.length = 0;
    return createProgress({ err, live: undefined });
  };

  test("a line for each beginning and each end, with its time, and none for what changes meanwhile", () => {
    const { begin, note, done, fail, close } = progress();
    begin("a", "ray-cpu");
    begin("b", "ray-gpu");
    note("a", "no GCS answers yet");
    vi.advanceTimersByTime(1500);
    done("a", "ray-cpu: HEAD, ALIVE");
    vi.advanceTimersByTime(500);
    fail("b", "ray-gpu: exit code 78");
    close();
    expect(written).toEqual([
      "→ ray-cpu\n",
      "→ ray-gpu\n",
      "✓ ray-cpu: HEAD, ALIVE (1.5 s)\n",
      "✗ ray-gpu: exit code 78 (2.0 s)\n",
    ]);
  });

  test("an end without a beginning is a line all the same", () => {
    progress().done("x", "at once");
    expect(written).toEqual(["✓ at once (0.0 s)\n"]);
  });
});

describe("on a terminal", () => {
  function live() {
    const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 100, rows: 40 });
    const stream = terminal as unknown as NodeJS.WriteStream;
    let text = "";
    stream.on("data", (chunk) => {
      text += String(chunk);
    });
    const progress = createProgress({ err: () => {}, live: stream }, createLogUpdate(stream));
    const seen = () => stripVTControlCharacters(text);
    return { progress, seen };
  }

  test("a line under way is redrawn with its time and what it does now", () => {
    const { progress, seen } = live();
    progress.begin("a", "ray-cpu");
    vi.advanceTimersByTime(200);
    expect(seen()).toMatch(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] ray-cpu 0\.[12] s/);
    progress.note("a", "no GCS answers yet");
    vi.advanceTimersByTime(1000);
    expect(seen()).toMatch(/ray-cpu 1\.\d s {2}no GCS answers yet/);
    progress.close();
  });

  test("what is done or failed stands still, and after close nothing is written any more", () => {
    const { progress, seen } = live();
    progress.begin("a", "ray-cpu");
    progress.begin("b", "ray-gpu");
    vi.advanceTimersByTime(1000);
    progress.done("a", "ray-cpu: HEAD, ALIVE");
    vi.advanceTimersByTime(1000);
    progress.fail("b", "ray-gpu: exit code 78");
    progress.close();
    const end = seen();
    // Only lines that changed are written anew.
    expect(end.match(/ray-cpu: HEAD.*/g)?.map((line) => line.trim())).toContain(
      "ray-cpu: HEAD, ALIVE (1.0 s)",
    );
    expect(end.slice(end.indexOf("✓ ray-cpu"))).not.toMatch(/ray-cpu [0-9]/);
    expect(end.trimEnd()).toMatch(/✗ ray-gpu: exit code 78 \(2\.0 s\)$/);
    vi.advanceTimersByTime(5000);
    expect(seen()).toBe(end);
  });
});
