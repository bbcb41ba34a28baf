import { stripVTControlCharacters, styleText } from "node:util";

/** Where `ws` speaks: results on `out`, progress and errors on `err`. Both take whole lines, newline included. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Progress may redraw its lines. */
  readonly live: boolean;
}

const COLOUR = { "✓": "green", "✗": "red" } as const;

/**
 * Writes to a stream: with coloured marks on a terminal, otherwise or with NO_COLOR without any escape codes, even in
 * foreign text.
 */
export function writer(stream: NodeJS.WriteStream): (text: string) => void {
  // Node knows the rules: NO_COLOR, FORCE_COLOR, TERM, and whether it is a terminal.
  const coloured = styleText("red", "x", { stream }) !== "x";
  return (text) => void stream.write(coloured ? paintMarks(text) : stripVTControlCharacters(text));
}

const paintMarks = (text: string): string =>
  text.replaceAll(
    /^( *)([✓✗])(?= )/gm,
    (_, blank: string, mark: keyof typeof COLOUR) =>
      `${blank}${styleText(COLOUR[mark], mark, { validateStream: false })}`,
  );
