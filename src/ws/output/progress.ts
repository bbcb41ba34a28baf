import { styleText } from "node:util";
import { createLogUpdate } from "log-update";
import { monotonicMs } from "../../common/deadline.ts";
import { oneLine, type Terminal } from "./terminal.ts";

/** One line for each thing under way. `id` names the line; a line that is done or failed changes no more. */
export interface Progress {
  begin(id: string, text: string): void;
  /** What it does now; shown where lines can be redrawn. */
  note(id: string, text: string): void;
  /** The same, but printed as a line of its own where lines cannot be redrawn. */
  say(id: string, text: string): void;
  done(id: string, text: string): void;
  fail(id: string, text: string): void;
  /** Leaves the lines as they are. Call it before writing anything else. */
  close(): void;
}

interface Line {
  readonly since: number;
  readonly text: string;
  readonly note?: string;
  readonly end?: { readonly mark: "✓" | "✗"; readonly took: string };
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 80;

const seconds = (sinceMs: number): string => `${((monotonicMs() - sinceMs) / 1000).toFixed(1)} s`;

/** Redraws its lines on a terminal; elsewhere it writes a line for each beginning and each end. */
export function createProgress({ live: stream, err }: Pick<Terminal, "live" | "err">): Progress {
  const update = stream && createLogUpdate(stream);
  const lines = new Map<string, Line>();
  let frame = 0;
  let timer: NodeJS.Timeout | undefined;
  const draw = () => update?.([...lines.values()].map((line) => drawLine(line, frame, stream)).join("\n"));
  const animate = () => {
    frame += 1;
    draw();
  };
  const print = (line: string) => {
    if (update === undefined) err(`${line}\n`);
  };
  const note = (id: string, text: string): void => {
    const line = lines.get(id);
    if (line !== undefined) lines.set(id, { ...line, note: oneLine(text) });
  };
  const ending = (mark: "✓" | "✗") => (id: string, text: string) => {
    const since = lines.get(id)?.since ?? monotonicMs();
    const line = { since, text: oneLine(text), end: { mark, took: seconds(since) } };
    lines.set(id, line);
    print(`${mark} ${line.text} (${line.end.took})`);
    draw();
  };
  return {
    begin(id, text) {
      lines.set(id, { since: monotonicMs(), text: oneLine(text) });
      print(`→ ${oneLine(text)}`);
      if (update !== undefined) timer ??= setInterval(animate, FRAME_MS).unref();
    },
    note,
    say(id, text) {
      note(id, text);
      print(`→ ${oneLine(text)}`);
    },
    done: ending("✓"),
    fail: ending("✗"),
    close() {
      clearInterval(timer);
      timer = undefined;
      if (lines.size > 0) draw();
      update?.done();
      lines.clear();
    },
  };
}

function drawLine({ text, note = "", since, end }: Line, frame: number, stream?: NodeJS.WriteStream): string {
  const paint: typeof styleText = (colour, words) => styleText(colour, words, stream && { stream });
  if (end !== undefined)
    return `${paint(end.mark === "✓" ? "green" : "red", end.mark)} ${text} ${paint("dim", `(${end.took})`)}`;
  const spinner = paint("cyan", FRAMES[frame % FRAMES.length] ?? "");
  return `${spinner} ${text} ${paint("dim", `${seconds(since)}${note === "" ? "" : `  ${note}`}`)}`;
}
