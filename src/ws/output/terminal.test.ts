import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { expectVisible, outsideText } from "../../../test/fixtures/outside.ts";
import { describeFailure, fail } from "../failure.ts";
import { createProgress } from "./progress.ts";
import { renderPs } from "./ps-table.ts";
import { createCheckPrinter } from "./report.ts";
import { oneLine } from "./terminal.ts";

test.each([
  ["\u001b[36m(raylet)\u001b[0m ok\r", "(raylet) ok"],
  ["a\tb", "a    b"],
  ["no YAML:\n\n  a: b\n  ^", "no YAML: ↵ a: b ↵ ^"],
  ["a\u202eb", "a\\u202eb"],
])("%j", (text, line) => {
  expect(oneLine(text)).toBe(line);
});

/** The output of `speak`, without our own colours. */
function written(speak: (write: (text: string) => void) => void): string {
  let text = "";
  speak((words) => {
    text += words;
  });
  return stripVTControlCharacters(text);
}

const head = { host: "ray-cpu", port: 6379 };
const address = {
  address: head,
  node: "ray-cpu",
  clusterId: "ab".repeat(28),
  dashboardUrl: "http://ray-cpu",
};

test("B9 foreign text never adds a control character or a line to the output of ws", () => {
  fc.assert(
    fc.property(outsideText, (text) => {
      const progress = written((write) => {
        const lines = createProgress({ err: write, live: undefined });
        lines.begin("a", text);
        lines.done("a", text);
        lines.fail("b", text);
      });
      expectVisible(progress, 3);
      const checks = written((write) =>
        createCheckPrinter(write)({
          id: "1",
          section: "common",
          title: text,
          outcome: "ok",
          saw: text,
          ms: 1,
        } as never),
      );
      expectVisible(checks, 4);
      const failure = { reason: "runtime-not-available", runtime: text, why: text } as const;
      const said = written((write) =>
        fail({ terminal: { err: write }, signal: new AbortController().signal }, failure),
      );
      expectVisible(said, describeFailure(failure).lines.length);
      const service = {
        name: text,
        role: text,
        state: text,
        version: text,
        container: { name: text, status: text },
      };
      const report = { runtime: "docker", services: [service], head: { ...address, node: text } } as never;
      expectVisible(`${stripVTControlCharacters(renderPs(report))}\n`, 3);
    }),
  );
});

test("a question to the engine that Ctrl-C ended was not refused", () => {
  const refused = { reason: "engine-refused", command: "docker ps", lines: [], cause: undefined } as const;
  const code = (signal: AbortSignal) => fail({ terminal: { err: () => {} }, signal }, refused);
  expect(code(new AbortController().signal)).toBe(75);
  expect(code(AbortSignal.abort("SIGINT"))).toBe(130);
});
