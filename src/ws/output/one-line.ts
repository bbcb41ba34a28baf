import { stripVTControlCharacters } from "node:util";
import { visible } from "../../common/output/shown.ts";

/**
 * Foreign text (from a GCS, a container, pip, the engine) as part of one of our lines, without colours and anything
 * else that could forge a line or control the terminal.
 */
export const oneLine = (text: string): string =>
  visible(
    stripVTControlCharacters(text)
      .trimEnd()
      .replaceAll("\t", "    ")
      .replaceAll(/\s*\n\s*/g, " ↵ "),
  );
