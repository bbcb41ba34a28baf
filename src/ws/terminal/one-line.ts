import { stripVTControlCharacters } from "node:util";
import { visible } from "../../common/visible.ts";

/**
 * Words of others (a GCS, a container, pip, the engine) as part of one of our lines: without their colours, and without
 * anything else that could forge a line or steer the terminal.
 */
export const oneLine = (text: string): string =>
  visible(
    stripVTControlCharacters(text)
      .trimEnd()
      .replaceAll("\t", "    ")
      .replaceAll(/\s*\n\s*/g, " ↵ "),
  );
