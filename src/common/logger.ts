import { visible } from "./visible.ts";

/** How a program speaks: an event as one or more lines of text, or as one line of JSON. */
export interface Logger<E extends { readonly type: string }> {
  log(event: E): void;
}

export interface LoggerSettings<E> {
  readonly form: "text" | "json";
  /** Takes whole lines, newline included. */
  readonly write: (text: string) => void;
  /** An event without lines is for JSON readers only. */
  readonly render: (event: E) => readonly string[];
  /** Wall time for the JSON lines; people read `docker logs -t`. */
  readonly now: () => Date;
}

/** Makes a logger that puts every event through one renderer, and every line through one filter. */
export function createLogger<E extends { readonly type: string }>(settings: LoggerSettings<E>): Logger<E> {
  const { form, write, render, now } = settings;
  return {
    log(event) {
      const lines = render(event).map(visible);
      if (form === "json")
        write(
          `${visible(JSON.stringify({ time: now().toISOString(), message: lines.join("\n"), ...event }))}\n`,
        );
      else if (lines.length > 0) write(`${lines.join("\n")}\n`);
    },
  };
}
