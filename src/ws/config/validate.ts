import type * as z from "zod";
import type { Problem } from "../../common/failure.ts";
import { type ConfigDocument, formatPath, type KeyPath } from "./document.ts";
import { allKeys, keyAt, keysBelow, nearestKnownKey } from "./known-keys.ts";
import { ConfigFile } from "./schema.ts";

/**
 * Checks every value on its own. `config` has the default in the place of each wrong value, so that checks across keys can
 * still run.
 */
export function validate(document: ConfigDocument) {
  const first = ConfigFile.safeParse(document.data);
  const issues = first.error?.issues ?? [];
  const wrong = issues.filter(({ code }) => code !== "unrecognized_keys");
  const wrongPaths = wrong.map(pathOf);
  const unknown = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...pathOf(issue), key]) : [],
  );
  return {
    config: first.data ?? ConfigFile.parse([...unknown, ...wrongPaths].reduce(without, document.data)),
    problems: [
      ...wrong.map((issue) => wrongValue(issue, document)),
      ...unknown.map((path) => unknownKey(path, document)),
    ],
    warnings: foreign(document),
    /** The paths whose values were wrong. */
    wrong: wrongPaths,
  };
}

/** YAML has no symbols. */
const pathOf = ({ path }: z.core.$ZodIssue): KeyPath => path as KeyPath;

/** A copy of `value` without what stands at `path`. */
function without(value: unknown, [key, ...rest]: KeyPath): unknown {
  if (key === undefined) return {};
  if (typeof value !== "object" || value === null) return value;
  // One wrong entry takes its whole list with it: a list with a hole would say something else.
  if (Array.isArray(value)) return undefined;
  const { [key]: child, ...others } = value as Record<string, unknown>;
  const kept = rest.length === 0 ? undefined : without(child, rest);
  return kept === undefined ? others : { ...others, [key]: kept };
}

function wrongValue(issue: z.core.$ZodIssue, document: ConfigDocument): Problem {
  const path = pathOf(issue);
  const { code, message } = issue;
  // Our own parsers say what they got.
  const got = code === "custom" ? "" : `, got ${JSON.stringify(document.valueAt(path))}`;
  return { where: document.where(path), problem: `${message}${got}`, fix: exampleFor(path) };
}

function exampleFor(path: KeyPath): string {
  const names = path.filter((key) => typeof key === "string");
  const known = keyAt(names);
  if (known?.properties !== undefined)
    return `Write its keys below it, indented: ${keysBelow(names).join(", ")}.`;
  const example = known?.default ?? known?.examples?.[0];
  const text = Array.isArray(example) ? `[${example.join(", ")}]` : String(example);
  const unset = known?.default === undefined ? "to have it found or computed" : "for that value";
  return `Write for example "${names.at(-1)}: ${text}", or leave the key out ${unset}.`;
}

function unknownKey(path: KeyPath, document: ConfigDocument): Problem {
  const near = nearestKnownKey(path);
  return {
    where: document.where(path, "key"),
    problem: "unknown key: the cluster would start without what it asks for",
    fix:
      near === undefined
        ? `Remove it; known keys here are ${keysBelow(path.slice(0, -1)).join(", ")}.`
        : `Did you mean ${near}?`,
  };
}

const BUILD = "services.ray.build";

/** One warning for all keys that only other programs of the original platform read. */
function foreign(document: ConfigDocument): Problem[] {
  const found = allKeys(true).filter((path) => document.valueAt(path) !== undefined);
  const [first] = found;
  if (first === undefined) return [];
  const names = found.map(formatPath);
  const builds = names.includes(BUILD);
  const notYet = builds ? `. ${BUILD} is not carried out yet: ws uses the image that the engine has` : "";
  return [
    {
      where: document.where(first, "key"),
      problem: `keys of the original platform that ws does not read: ${names.join(", ")}${notYet}`,
      fix: `${builds ? "Build that image first. " : ""}Nothing needs to be done for the keys of other programs.`,
    },
  ];
}
