import type { Problem } from "./failure.ts";
import { LOG_FORMS } from "./output/logger.ts";
import { shownSentence } from "./output/shown.ts";
import { type Form, oneOf } from "./values.ts";

export interface Variable<T = unknown> {
  readonly form: Form<T>;
  /** The text that stands for an unset variable; null: no value. */
  readonly fallback: string | null;
  /** One line for --help and docs/environment.md. */
  readonly meaning: string;
  readonly fix: string;
  /** Its value never appears in any output. */
  readonly secret?: true;
  /** It may be left out, but not be empty. */
  readonly notBlank?: true;
}

/** One kind of value: its grammar, and the fix for a text that is none. Then what differs between its variables. */
export const kind =
  <T>(form: Form<T>, fix: string) =>
  <F extends string | null>(fallback: F, meaning: string) => ({ form, fix, fallback, meaning });

/** RAY_EP_LOG of each program. */
export const LOG_VARIABLE = kind(oneOf(...LOG_FORMS), "Give text, timed or json.")(
  "text",
  "format of the log: text, timed (text with the time in front of each line) or json",
);

type Variables = Readonly<Record<string, Variable>>;
export type Environment = Readonly<Record<string, string | undefined>>;

export type ValuesOf<V extends Variables> = {
  readonly [N in keyof V]:
    | (V[N] extends Variable<infer T> ? T : never)
    | (V[N]["fallback"] extends null ? null : never);
};

/** Every value (of a wrong text: the fallback's), the texts that were given, and every problem at once. Never throws. */
export function readEnvironment<V extends Variables>(variables: V, env: Environment) {
  const values: Record<string, unknown> = {};
  const texts: Record<string, string> = {};
  const problems: Problem[] = [];
  for (const [name, { form, fallback, fix, notBlank }] of Object.entries(variables)) {
    const read = (text: string): void => {
      const parsed = form.parse(text.trim());
      if (parsed.ok) values[name] = parsed.value;
      else problems.push({ where: name, problem: shownSentence(parsed.error) + quotesIn(text, form), fix });
    };
    values[name] = null;
    if (fallback !== null) read(fallback);
    const given = env[name];
    // Blank means unset: Compose passes unset variables on as empty ones, and files from Windows add a carriage return.
    if (given === undefined || (given.trim() === "" && !notBlank)) continue;
    texts[name] = given;
    read(given);
  }
  return {
    values: values as ValuesOf<V>,
    texts: texts as Readonly<Partial<Record<keyof V, string>>>,
    problems,
  };
}

/** As --help shows them. */
export function describeVariables(variables: Variables): string {
  const width = Math.max(...Object.keys(variables).map(({ length }) => length));
  const lines = Object.entries(variables).map(([name, { meaning, fallback }]) => {
    return `  ${name.padEnd(width)}  ${meaning}${fallback === null ? "" : ` [${fallback}]`}`;
  });
  return lines.join("\n");
}

/** What to add where a text is only wrong because of quotes. */
function quotesIn(text: string, { parse }: Form<unknown>): string {
  const bare = text.replaceAll(/["']/g, "");
  const isWrong = bare !== text && parse(bare.trim()).ok;
  return isWrong ? "; remove the quotes: they are part of the value here" : "";
}
