import type { Problem } from "../../common/failure.ts";
import { hidden } from "../../common/output/shown.ts";
import { err, ok, type Result } from "../../common/result.ts";

/** What the command line asks for. */
export type Request =
  | { readonly kind: "run"; readonly rayWords: readonly string[] }
  | { readonly kind: "dry-run"; readonly json: boolean; readonly rayWords: readonly string[] }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

const KNOWN = new Set(["--dry-run", "--json", "--help", "-h", "--version"]);

/** Reads the words after the program's name; those after `--` are for `ray start`. Every unknown word is named. */
export function readArgs(words: readonly string[]): Result<Request, readonly Problem[]> {
  const end = words.indexOf("--");
  const own = end < 0 ? words : words.slice(0, end);
  const rayWords = end < 0 ? [] : words.slice(end + 1);
  const problems = own.flatMap((word, i) => (KNOWN.has(word) ? [] : [wrongWord(word, i, own[i - 1])]));
  const json = own.includes("--json");
  if (json && !own.some((word) => optionName(word) === "--dry-run"))
    problems.push({
      where: "--json",
      problem: "expected together with --dry-run",
      fix: "For a JSON log set RAY_EP_LOG=json.",
    });
  if (problems.length > 0) return err(problems);
  if (own.includes("--help") || own.includes("-h")) return ok({ kind: "help" });
  if (own.includes("--version")) return ok({ kind: "version" });
  return ok(own.includes("--dry-run") ? { kind: "dry-run", json, rayWords } : { kind: "run", rayWords });
}

/** It may be a secret that was meant for `ray start`, so only what is certainly the name of an option is shown. */
function wrongWord(word: string, index: number, before = ""): Problem {
  const fix = "See --help; words for `ray start` go after --.";
  const name = optionName(word);
  if (KNOWN.has(name))
    return { where: name, problem: `expected no value, got ${hidden(word.slice(name.length + 1))}`, fix };
  const isOption = word.startsWith("-") && word !== "-";
  const mayBeValue = !/^--../.test(name) || (before.startsWith("-") && !KNOWN.has(before));
  return {
    where: isOption && !mayBeValue ? name : `word ${index + 1}`,
    problem: isOption
      ? "expected a known option, got an unknown one"
      : "expected an option, got another word",
    fix,
  };
}

/** The name of an option of `ray start`, of `--name=value` as of `--name`. */
export const optionName = (word: string): string => word.split("=", 1)[0] ?? word;

/** The value of `--name=value` or `--name value`; the last one counts, as in click. Null where it is not given. */
export function optionOf(args: readonly string[], name: string): string | null {
  const at = args.findLastIndex((word) => optionName(word) === name);
  const word = args[at];
  if (word === undefined) return null;
  return word.includes("=") ? word.slice(name.length + 1) : (args[at + 1] ?? null);
}
