import type * as z from "zod";
import type { Problem } from "../../common/failure.ts";
import { type ConfigDocument, formatPath, type KeyPath } from "./document.ts";
import { configJsonSchema, foreignKeys, keysAt, nearestKnownKey } from "./known-keys.ts";
import { ConfigFile } from "./schema.ts";

/** What could be read: `config` has the default in the place of each wrong value, so that checks across keys can still run. */
export interface Validated {
  readonly config: ConfigFile;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** The paths whose values were wrong. */
  readonly wrong: readonly KeyPath[];
}

/** Checks every value on its own. A key without a value counts as left out. */
export function validate(document: ConfigDocument): Validated {
  const data = withoutEmpty(document.data) ?? {};
  const first = ConfigFile.safeParse(data);
  const warnings = foreign(data, document);
  if (first.success) return { config: first.data, problems: [], warnings, wrong: [] };
  const { issues } = first.error;
  const unknown = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...toPath(issue.path), key]) : [],
  );
  const wrong = issues.filter((issue) => issue.code !== "unrecognized_keys");
  const wrongPaths = wrong.map((issue) => toPath(issue.path));
  return {
    config: ConfigFile.parse([...unknown, ...wrongPaths].reduce(without, data)),
    problems: [
      ...wrong.map((issue) => toProblem(issue, data, document)),
      ...unknown.map((path) => unknownKey(path, document)),
    ],
    warnings,
    wrong: wrongPaths,
  };
}

const toPath = (path: readonly PropertyKey[]): KeyPath =>
  path.map((key) => (typeof key === "number" ? key : String(key)));

/** `head_address:` and `head_address: ""` both mean that the key is not set. */
function withoutEmpty(value: unknown): unknown {
  if (value === null || value === "") return undefined;
  if (typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, child]) => {
      const kept = withoutEmpty(child);
      return kept === undefined ? [] : [[key, kept]];
    }),
  );
}

/** A copy of `value` without what stands at `path`. */
function without(value: unknown, path: KeyPath): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return {};
  if (typeof value !== "object" || value === null) return value;
  // One wrong entry takes its whole list with it: a list with a hole would say something else.
  if (Array.isArray(value)) return undefined;
  const { [key]: child, ...others } = value as Record<string, unknown>;
  const kept = rest.length === 0 ? undefined : without(child, rest);
  return kept === undefined ? others : { ...others, [key]: kept };
}

function toProblem(issue: z.core.$ZodIssue, data: unknown, document: ConfigDocument): Problem {
  const path = toPath(issue.path);
  const got = path.reduce<unknown>((value, key) => (value as Record<string | number, unknown>)[key], data);
  return {
    where: document.where(path),
    // Our own parsers say what they got.
    problem: issue.code === "custom" ? issue.message : `${issue.message}, got ${JSON.stringify(got)}`,
    fix: exampleFor(path),
  };
}

interface Described {
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Described>>;
}

function exampleFor(path: KeyPath): string {
  const names = path.filter((key) => typeof key === "string");
  const root = configJsonSchema() as Described;
  const known = names.reduce<Described | undefined>((node, key) => node?.properties?.[key], root);
  if (known?.properties !== undefined)
    return `Write its keys below it, indented: ${keysAt(names).join(", ")}.`;
  const example = known?.default ?? known?.examples?.[0];
  const text = Array.isArray(example) ? `[${example.join(", ")}]` : String(example);
  const unset = known?.default === undefined ? "to have it found or computed" : "for that value";
  return `Write for example "${names.at(-1)}: ${text}", or leave the key out ${unset}.`;
}

function unknownKey(path: KeyPath, document: ConfigDocument): Problem {
  const near = nearestKnownKey(path);
  return {
    where: document.whereKey(path),
    problem: "unknown key: the cluster would start without what it asks for",
    fix:
      near === undefined
        ? `Remove it; known keys here are ${keysAt(path.slice(0, -1)).join(", ")}.`
        : `Did you mean ${near}?`,
  };
}

const BUILD = "services.ray.build";

/** One warning for all keys that only other programs of the original platform read. */
function foreign(data: unknown, document: ConfigDocument): Problem[] {
  const found = foreignKeys().filter((path) => valueAt(data, path) !== undefined);
  const [first] = found;
  if (first === undefined) return [];
  const names = found.map(formatPath);
  const builds = names.includes(BUILD)
    ? `. ${BUILD} is not carried out yet: ws uses the image that the engine has`
    : "";
  return [
    {
      where: document.whereKey(first),
      problem: `keys of the original platform that ws does not read: ${names.join(", ")}${builds}`,
      fix: `${builds === "" ? "" : "Build that image first. "}Otherwise nothing needs to be done if other programs read them.`,
    },
  ];
}

const valueAt = (data: unknown, path: KeyPath): unknown =>
  path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
    data,
  );
