import type { Readable } from "node:stream";
import { stripVTControlCharacters } from "node:util";

/** Longer lines are cut here. */
const MAX_LINE = 16 * 1024;

/**
 * Passes on each line of a program's output, without colours and control characters; blank lines are left out.
 * Resolves when the program and all other writers have closed the output.
 */
export function relay(from: Readable, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  const say = (text: string): void => {
    const line = stripVTControlCharacters(text)
      .replaceAll("\t", "  ")
      .replace(/\p{Cc}/gu, "")
      .trimEnd();
    if (line !== "") onLine(line);
  };
  from.setEncoding("utf8");
  from.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) say(line);
    if (rest.length < MAX_LINE) return;
    say(rest);
    rest = "";
  });
  return new Promise((resolve) => {
    from.once("error", () => {});
    from.once("close", () => {
      say(rest);
      resolve();
    });
  });
}
