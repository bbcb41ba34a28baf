import type { Problem } from "./failure.ts";
import { shownSentence } from "./output/shown.ts";
import { ok, type Result } from "./result.ts";
import type { Form } from "./values.ts";

/** One variable of a program's environment. */
export interface Variable<T = unknown> {
  readonly form: Form<T>;
  /** The text that stands for an unset variable; null: no value. */
  readonly fallback: string | null;
  /** One line for --help and the README. */
  readonly meaning: string;
  readonly fix: string;
  /** Its value never appears in any output. */
  readonly secret?: true;
  /** It may be left out, but not be empty. */
  readonly notBlank?: true;
}

type Variables = Readonly<Record<string, Variable>>;
export type Environment = Readonly<Record<string, string | undefined>>;

/** The value of every variable; null only where one has no fallback. */
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
  for (const [name, variable] of Object.entries(variables)) {
    const given = textOf(env[name], variable);
    if (given !== undefined) texts[name] = given;
    const fallback = parse(variable, variable.fallback);
    const parsed = given === undefined ? fallback : parse(variable, given);
    values[name] = parsed.ok ? parsed.value : fallback.ok ? fallback.value : null;
    if (!parsed.ok) problems.push({ where: name, problem: parsed.error, fix: variable.fix });
  }
  return {
    values: values as ValuesOf<V>,
    texts: texts as Readonly<Partial<Record<keyof V, string>>>,
    problems,
  };
}

/** Blank means unset: Compose passes unset variables on as empty ones, and files from Windows add a carriage return. */
const textOf = (text: string | undefined, { notBlank }: Variable): string | undefined =>
  text?.trim() === "" && !notBlank ? undefined : text;

const QUOTED = "; remove the quotes: they are part of the value here";

function parse({ form }: Variable, text: string | null): Result<unknown, string> {
  if (text === null) return ok(null);
  const parsed = form.parse(text.trim());
  if (parsed.ok) return parsed;
  const bare = text.replaceAll(/["']/g, "");
  const isQuoted = bare !== text && form.parse(bare.trim()).ok;
  return { ok: false, error: shownSentence(parsed.error) + (isQuoted ? QUOTED : "") };
}
