import { visible } from "./visible.ts";

/** How a program speaks: an event as one or more lines of text, or as one line of JSON. */
export interface Logger<E extends { readonly type: string }> {
  log(event: E): void;
}

/** `timed`: text with the time in front of each line, for logs to which no container engine adds it. */
const LOG_FORMS = ["text", "timed", "json"] as const;
export type LogForm = (typeof LOG_FORMS)[number];

/** The format that a variable names; it is needed before the settings have been checked. */
export const logForm = (word: string | undefined): LogForm =>
  LOG_FORMS.find((form) => form === word) ?? "text";

export interface LoggerSettings<E> {
  readonly form: LogForm;
  /** Takes whole lines, newline included. */
  readonly write: (text: string) => void;
  /** An event without lines is for JSON readers only. */
  readonly render: (event: E) => readonly string[];
  /** Wall time; people read `docker logs -t`. */
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
      else if (lines.length > 0) {
        const front = form === "timed" ? `${now().toISOString()} ` : "";
        write(`${lines.map((line) => `${front}${line}`).join("\n")}\n`);
      }
    },
  };
}
