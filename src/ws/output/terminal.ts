import { stripVTControlCharacters, styleText } from "node:util";
import { type Problem, renderWarnings } from "../../common/failure.ts";
import { visible } from "../../common/output/shown.ts";

/** Where `ws` speaks: results on `out`, progress and errors on `err`. Both take whole lines, newline included. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly live: NodeJS.WriteStream | undefined;
}

const COLOUR = { "✓": "green", "✗": "red" } as const;

/** Writes with coloured marks on a terminal, else (or with NO_COLOR) without escape codes, even those of foreign text. */
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

/** Foreign text as part of one of our lines, without anything that could forge a line or control the terminal. */
export const oneLine = (text: string): string =>
  visible(
    stripVTControlCharacters(text)
      .trimEnd()
      .replaceAll("\t", "    ")
      .replaceAll(/\s*\n\s*/g, " ↵ "),
  );

/** Writes lines that may hold foreign text; nothing where there are none. */
export function printLines(write: (text: string) => void, lines: readonly string[]): void {
  if (lines.length > 0) write(`${lines.map(oneLine).join("\n")}\n`);
}

/** Writes what a program reads; docs/ws.md describes it. */
export const printJson = (out: Terminal["out"], value: unknown): void =>
  out(`${JSON.stringify(value, null, 2).split("\n").map(visible).join("\n")}\n`);

/** Says what works all the same and may surprise; nothing where there is nothing. */
export function warn({ err }: Pick<Terminal, "err">, what: string, warnings: readonly Problem[]): void {
  if (warnings.length > 0) printLines(err, renderWarnings(what, warnings));
}

/** The same of what config.yaml wants, for the commands that carry it out. */
export const warnOfMachine = (terminal: Pick<Terminal, "err">, warnings: readonly Problem[]): void =>
  warn(terminal, "Parts of config.yaml that this machine cannot provide in full", warnings);

/** A word as a POSIX shell takes it. */
export const quoted = (text: string): string =>
  /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
