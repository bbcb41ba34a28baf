import { readFileSync } from "node:fs";
import { err, ok, type Result } from "../../common/result.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import type { WsFailure } from "../failure.ts";
import { warn } from "../output/terminal.ts";
import { readSettings, type Settings } from "./settings.ts";

/** Reads and checks config.yaml; a missing file means all defaults, unless somebody named it. */
export function loadSettings(
  { terminal }: WsContext,
  { configFile: file, configGiven }: Pick<GlobalOptions, "configFile" | "configGiven">,
): Result<Settings, WsFailure> {
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" || configGiven) {
      const why =
        code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : message;
      const fix = "Name a file with -c, or leave -c out for config.yaml beside ws.";
      return err({ reason: "config-unreadable", file, why, fix });
    }
  }
  const read = readSettings(text, file);
  warn(terminal, `${file} has warnings`, (read.ok ? read.value : read.error).warnings);
  return read.ok
    ? ok(read.value.settings)
    : err({ reason: "bad-settings", file, problems: read.error.problems });
}
