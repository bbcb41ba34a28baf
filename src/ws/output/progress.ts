import { styleText } from "node:util";
import type { createLogUpdate } from "log-update";
import { monotonicMs } from "../../common/deadline.ts";
import { oneLine, type Terminal } from "./terminal.ts";

/** What every long step gets: where to show its progress, when it has to stop. */
export interface Job {
  readonly progress: Progress;
  /** Aborted by the first Ctrl-C, SIGTERM or SIGHUP, with the signal's name as the reason: stop here and clean up. */
  readonly signal: AbortSignal;
  /** Aborted by the second one: clean up without asking anybody. */
  readonly urgent: AbortSignal;
  /** Runs work that must not be left half done, such as undoing a start; even a third Ctrl-C waits for it. */
  readonly cleaning?: <T>(work: () => Promise<T>) => Promise<T>;
  /** How long the nodes may take to become ALIVE. */
  readonly timeoutMs: number;
}

export type Progress = ReturnType<typeof createProgress>;

interface Line {
  readonly since: number;
  readonly text: string;
  readonly note?: string;
  readonly end?: { readonly mark: "✓" | "✗"; readonly took: string };
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 80;

const seconds = (sinceMs: number): string => `${((monotonicMs() - sinceMs) / 1000).toFixed(1)} s`;

/**
 * One line for each thing under way, named by `id`; one that is done or failed changes no more. Redraws its lines on a
 * terminal, by `update`; elsewhere it writes a line for each beginning and each end.
 */
export function createProgress(
  { live: stream, err }: Pick<Terminal, "live" | "err">,
  update?: ReturnType<typeof createLogUpdate>,
) {
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
  const ending =
    (mark: "✓" | "✗") =>
    (id: string, text: string): void => {
      const since = lines.get(id)?.since ?? monotonicMs();
      const line = { since, text: oneLine(text), end: { mark, took: seconds(since) } };
      lines.set(id, line);
      print(`${mark} ${line.text} (${line.end.took})`);
      draw();
    };
  return {
    begin(id: string, text: string): void {
      lines.set(id, { since: monotonicMs(), text: oneLine(text) });
      print(`→ ${oneLine(text)}`);
      if (update !== undefined) timer ??= setInterval(animate, FRAME_MS).unref();
    },
    /** What it does now; shown where lines can be redrawn. */
    note,
    /** The same, but printed as a line of its own where lines cannot be redrawn. */
    say(id: string, text: string): void {
      note(id, text);
      print(`→ ${oneLine(text)}`);
    },
    done: ending("✓"),
    fail: ending("✗"),
    /** Leaves the lines as they are. Call it before writing anything else. */
    close(): void {
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
