import { styleText } from "node:util";
import { createLogUpdate } from "log-update";
import { monotonicMs } from "../../common/deadline.ts";
import { oneLine } from "./one-line.ts";
import type { Terminal } from "./terminal.ts";

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

/** Redraws its lines on a terminal; elsewhere it writes a line for each beginning and each end. */
export function createProgress(terminal: Terminal, stream: NodeJS.WriteStream | undefined): Progress {
  const { begin, note, say, done, fail, close } =
    terminal.live && stream !== undefined ? liveProgress(stream) : plainProgress(terminal);
  return {
    begin: (id, text) => begin(id, oneLine(text)),
    note: (id, text) => note(id, oneLine(text)),
    say: (id, text) => say(id, oneLine(text)),
    done: (id, text) => done(id, oneLine(text)),
    fail: (id, text) => fail(id, oneLine(text)),
    close,
  };
}

const seconds = (sinceMs: number): string => `${((monotonicMs() - sinceMs) / 1000).toFixed(1)} s`;

function plainProgress({ err }: Terminal): Progress {
  const since = new Map<string, number>();
  const end = (id: string, mark: string, text: string) =>
    err(`${mark} ${text} (${seconds(since.get(id) ?? monotonicMs())})\n`);
  return {
    begin(id, text) {
      since.set(id, monotonicMs());
      err(`→ ${text}\n`);
    },
    note() {},
    say: (_, text) => err(`→ ${text}\n`),
    done: (id, text) => end(id, "✓", text),
    fail: (id, text) => end(id, "✗", text),
    close() {},
  };
}

interface Line {
  readonly since: number;
  text: string;
  note: string;
  state: "under way" | "done" | "failed";
  took: string;
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 80;

function liveProgress(stream: NodeJS.WriteStream): Progress {
  const update = createLogUpdate(stream);
  const lines = new Map<string, Line>();
  let frame = 0;
  const paint: Paint = (colour, text) => styleText(colour, text, { stream });
  const draw = () => update([...lines.values()].map((line) => drawLine(line, frame, paint)).join("\n"));
  let timer: NodeJS.Timeout | undefined;
  const animate = () => {
    timer ??= setInterval(() => {
      frame += 1;
      draw();
    }, FRAME_MS).unref();
  };
  const end = (id: string, state: Line["state"], text: string) => {
    const line = lines.get(id) ?? { since: monotonicMs(), text, note: "", state, took: "" };
    lines.set(id, { ...line, text, note: "", state, took: seconds(line.since) });
    draw();
  };
  const note = (id: string, text: string): void => {
    const line = lines.get(id);
    if (line !== undefined) line.note = text;
  };
  return {
    begin(id, text) {
      lines.set(id, { since: monotonicMs(), text, note: "", state: "under way", took: "" });
      animate();
    },
    note,
    say: note,
    done: (id, text) => end(id, "done", text),
    fail: (id, text) => end(id, "failed", text),
    close() {
      clearInterval(timer);
      timer = undefined;
      if (lines.size > 0) draw();
      update.done();
      lines.clear();
    },
  };
}

type Paint = (colour: "green" | "red" | "cyan" | "dim", text: string) => string;

function drawLine({ state, text, note, since, took }: Line, frame: number, paint: Paint): string {
  if (state === "done") return `${paint("green", "✓")} ${text} ${paint("dim", `(${took})`)}`;
  if (state === "failed") return `${paint("red", "✗")} ${text} ${paint("dim", `(${took})`)}`;
  const spinner = paint("cyan", FRAMES[frame % FRAMES.length] ?? "");
  return `${spinner} ${text} ${paint("dim", `${seconds(since)}${note === "" ? "" : `  ${note}`}`)}`;
}
