import { closestMatch } from "leven";
import type * as z from "zod/mini";
import type { Problem } from "../../common/failure.ts";
import { type ConfigDocument, formatPath, type KeyPath } from "./document.ts";
import { allKeys, keyAt, keysBelow } from "./known-keys.ts";
import { ConfigFile } from "./schema.ts";

/** The nearest of `words`, at most about a third of `name` away. */
export const nearest = (name: string, words: readonly string[]): string | undefined =>
  closestMatch(name.toLowerCase(), words, { maxDistance: Math.max(2, Math.ceil(name.length / 3)) });

/**
 * Checks every value on its own. `config` has the default in the place of each wrong value, so that checks across keys can
 * still run. `wrong`: the paths of those values.
 */
export function validate(document: ConfigDocument) {
  const issues = ConfigFile.safeParse(document.data).error?.issues ?? [];
  const bad = issues.filter(({ code }) => code !== "unrecognized_keys");
  const wrong = bad.map(pathOf);
  const unknown = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...pathOf(issue), key]) : [],
  );
  return {
    config: parsedWithout([...unknown, ...wrong], document.data),
    problems: [
      ...bad.map((issue) => wrongValue(issue, document)),
      ...unknown.map((path) => unknownKey(path, document)),
    ],
    warnings: foreign(document),
    wrong,
  };
}

/** YAML has no symbols as keys. */
const pathOf = ({ path }: z.core.$ZodIssue): KeyPath => path as KeyPath;

/** Takes out also what is no longer complete after that, such as a limit with only one of its two ends. */
function parsedWithout(paths: readonly KeyPath[], data: unknown): ConfigFile {
  const rest = paths.reduce(without, data);
  const { data: config, error } = ConfigFile.safeParse(rest);
  return config ?? parsedWithout(error?.issues.map(pathOf) ?? [[]], rest);
}

/** A copy of `value` without what stands at `path`. */
function without(value: unknown, [key, ...rest]: KeyPath): unknown {
  if (key === undefined) return {};
  if (typeof value !== "object" || value === null) return value;
  // One wrong entry takes its whole list with it: a list with a hole would say something else.
  if (Array.isArray(value)) return undefined;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, child]) => {
      const kept = name !== String(key) ? child : rest.length === 0 ? undefined : without(child, rest);
      return kept === undefined ? [] : [[name, kept]];
    }),
  );
}

function wrongValue(issue: z.core.$ZodIssue, document: ConfigDocument): Problem {
  const path = pathOf(issue);
  // Of a name that the user chose, the name is wrong and not its value.
  const wrong = issue.code === "invalid_key" ? path.at(-1) : document.valueAt(path);
  // Our own parsers say what they got.
  const got = issue.code === "custom" ? "" : `, got ${JSON.stringify(wrong)}`;
  return { where: document.where(path), problem: `${issue.message}${got}`, fix: exampleFor(path) };
}

function exampleFor(path: KeyPath): string {
  const names = path.filter((key) => typeof key === "string");
  const known = keyAt(names);
  if (known?.section !== undefined)
    return `Write its keys below it, indented: ${keysBelow(names).join(", ")}.`;
  const example = known?.fallback ?? known?.example;
  // A name that the user chose has no example of its own, its section has one.
  if (example === undefined && names.length > 1) return exampleFor(names.slice(0, -1));
  const text = Array.isArray(example)
    ? `[${example.join(", ")}]`
    : typeof example === "object" && example !== null
      ? `{ ${Object.entries(example)
          .map(([name, value]) => `${name}: ${value}`)
          .join(", ")} }`
      : String(example);
  const unset = known?.fallback === undefined ? "" : " for that value";
  return `Write for example "${names.at(-1)}: ${text}", or leave the key out${unset}.`;
}

/** The key that was meant: a similar name in its section, or the same name in another one. */
function unknownKey(path: KeyPath, document: ConfigDocument): Problem {
  const [section, name] = [path.slice(0, -1), String(path.at(-1))];
  const here = keysBelow(section);
  const sibling = nearest(name, here);
  const near = sibling ? [...section, sibling] : allKeys(false).find((known) => known.at(-1) === name);
  return {
    where: document.where(path, "key"),
    problem: "unknown key: the cluster would start without what it asks for",
    fix: near ? `Did you mean ${formatPath(near)}?` : `Remove it; known keys here are ${here.join(", ")}.`,
  };
}

/** One warning for the services that are not ours, and one for all keys that only other programs of the platform read. */
function foreign(document: ConfigDocument): Problem[] {
  const found = allKeys(true).filter((path) => document.valueAt(path) !== undefined);
  const { services = [], keys = [] } = Object.groupBy(found, ([first]) =>
    first === "services" ? "services" : "keys",
  );
  const warning = (paths: readonly KeyPath[], problem: string, fix: string): Problem[] =>
    paths[0] === undefined
      ? []
      : [
          {
            where: document.where(paths[0], "key"),
            problem: `${problem}: ${paths.map(formatPath).join(", ")}`,
            fix,
          },
        ];
  return [
    ...warning(
      services,
      "services of the original platform that ws does not start",
      "Describe them in a compose.override.yaml beside config.yaml: ws up starts them as well.",
    ),
    ...warning(
      keys,
      "keys of the original platform that ws does not read",
      "Nothing needs to be done for the keys of other programs.",
    ),
  ];
}
