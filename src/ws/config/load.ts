import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
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
    const found = statSync(file);
    const why = found.isDirectory() ? "it is a folder" : "it is no regular file";
    // A FIFO would hold us until somebody writes.
    if (!found.isFile()) return err({ reason: "config-unreadable", file, why, fix: NAME_A_FILE });
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : message;
    if (code !== "ENOENT" || configGiven)
      return err({ reason: "config-unreadable", file, why, fix: NAME_A_FILE });
  }
  const read = readSettings(text, file, (path) => existsSync(resolve(dirname(file), path)));
  warn(terminal, `${file} has warnings`, (read.ok ? read.value : read.error).warnings);
  return read.ok
    ? ok(read.value.settings)
    : err({ reason: "bad-settings", file, problems: read.error.problems });
}

const NAME_A_FILE = "Name a file with -c, or leave -c out for config.yaml beside ws.";
