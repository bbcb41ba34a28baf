import { parseArgs } from "node:util";
import type { Problem } from "../common/failure.ts";
import { err, ok, type Result } from "../common/result.ts";

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
  const problems = tokens.flatMap((token) => wrongWord(token));
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

function wrongWord(token: Token): Problem[] {
  const fix = "See --help; words for `ray start` go after --.";
  if (token.kind === "positional")
    return [{ where: token.value, problem: "expected an option, got a word", fix }];
  if (token.kind === "option" && !KNOWN.includes(token.name))
    return [{ where: token.rawName, problem: "expected a known option, got an unknown one", fix }];
  if (token.kind === "option" && token.value !== undefined)
    return [{ where: token.rawName, problem: `expected no value, got "${token.value}"`, fix }];
  return [];
}
