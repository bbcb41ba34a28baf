/** The name of an option of `ray start`, of `--name=value` as of `--name`. */
export const optionName = (word: string): string => word.split("=", 1)[0] ?? word;

/** The value of `--name=value` or `--name value`; the last one counts, as in click. Null where it is not given. */
export function optionOf(args: readonly string[], name: string): string | null {
  const at = args.findLastIndex((word) => optionName(word) === name);
  const word = args[at];
  if (word === undefined) return null;
  return word.includes("=") ? word.slice(name.length + 1) : (args[at + 1] ?? null);
}
