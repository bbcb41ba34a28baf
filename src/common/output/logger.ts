import { visible } from "./shown.ts";

/** `timed`: text with the time in front of each line, for logs to which no container engine adds it. */
export const LOG_FORMS = ["text", "timed", "json"] as const;
export type LogForm = (typeof LOG_FORMS)[number];

/** In RAY_EP_LOG: it is needed before the settings have been checked. */
export const logForm = (text = ""): LogForm => LOG_FORMS.find((form) => form === text.trim()) ?? "text";

/**
 * How a program speaks: an event as lines of text, or as one line of JSON; nothing invisible in either. An event without lines is
 * for JSON readers only.
 */
export const createLogger = <E extends { readonly type: string }>(settings: {
  readonly form: LogForm;
  readonly write: (text: string) => void;
  readonly render: (event: E) => readonly string[];
  readonly now: () => Date;
}) => ({
  log(event: E): void {
    const lines = settings.render(event).map(visible);
    const time = settings.now().toISOString();
    if (settings.form === "json")
      settings.write(`${visible(JSON.stringify({ time, message: lines.join("\n"), ...event }))}\n`);
    else if (lines.length > 0)
      settings.write(lines.map((line) => `${settings.form === "timed" ? `${time} ` : ""}${line}\n`).join(""));
  },
});
