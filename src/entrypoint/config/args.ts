import { parseArgs } from "node:util";
import type { Problem } from "../../common/failure.ts";
import { hidden } from "../../common/output/shown.ts";
import { err, ok, type Result } from "../../common/result.ts";

/** What the command line asks for. */
export type Request =
  | { readonly kind: "run"; readonly rayWords: readonly string[] }
  | { readonly kind: "dry-run"; readonly json: boolean; readonly rayWords: readonly string[] }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

/** Reads the words after the program's name; those after `--` are for `ray start`. Every unknown word is named. */
export function readArgs(words: readonly string[]): Result<Request, readonly Problem[]> {
  const end = words.indexOf("--");
  const own = end < 0 ? words : words.slice(0, end);
  const rayWords = end < 0 ? [] : words.slice(end + 1);
  const { values, tokens } = parseArgs({
    args: [...own],
    options: {
      "dry-run": { type: "boolean" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
      version: { type: "boolean" },
    },
    strict: false,
    tokens: true,
  });
  const problems = oncePerWord(tokens.flatMap((token) => wrongWord(token, own)));
  if (values.json && !values["dry-run"])
    problems.push({
      where: "--json",
      problem: "expected together with --dry-run",
      fix: "For a JSON log set RAY_EP_LOG=json.",
    });
  if (problems.length > 0) return err(problems);
  if (values.help) return ok({ kind: "help" });
  if (values.version) return ok({ kind: "version" });
  return ok(
    values["dry-run"] ? { kind: "dry-run", json: values.json === true, rayWords } : { kind: "run", rayWords },
  );
}

type Token = NonNullable<ReturnType<typeof parseArgs>["tokens"]>[number];

const KNOWN = ["dry-run", "json", "help", "version"];
const isKnown = (word: string | undefined): boolean => KNOWN.some((name) => word === `--${name}`);

/**
 * What is wrong with an argument. It may be a secret that was meant for `ray start`, so only option names are shown.
 */
function wrongWord(token: Token, own: readonly string[]): Problem[] {
  const fix = "See --help; words for `ray start` go after --.";
  if (token.kind === "option" && KNOWN.includes(token.name))
    return token.value === undefined
      ? []
      : [{ where: token.rawName, problem: `expected no value, got ${hidden(token.value)}`, fix }];
  const nth = `word ${token.index + 1}`;
  if (token.kind !== "option") return [{ where: nth, problem: "expected an option, got another word", fix }];
  const before = own[token.index - 1];
  const mayBeValue = token.rawName.length < 4 || (before?.startsWith("-") && !isKnown(before));
  const where = mayBeValue ? nth : token.rawName;
  return [{ where, problem: "expected a known option, got an unknown one", fix }];
}

/** If one argument has several problems (`-abc` is three options), the first is enough. */
const oncePerWord = (problems: readonly Problem[]): Problem[] =>
  problems.filter(({ where }, i) => problems.findIndex((each) => each.where === where) === i);
