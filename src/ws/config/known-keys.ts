import { closestMatch } from "leven";
import * as z from "zod";
import { formatPath, type KeyPath } from "./document.ts";
import { ConfigFile } from "./schema.ts";

/** What the schema says of one key. */
interface KnownKey {
  /** A key of the original platform, which ws does not read. */
  readonly deprecated?: boolean;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  /** Of a section: the keys below it. */
  readonly properties?: Readonly<Record<string, KnownKey>>;
}

/** The JSON Schema of config.yaml as a person writes it, with every default and description. */
export const configJsonSchema = () =>
  z.toJSONSchema(ConfigFile, {
    io: "input",
    target: "draft-7",
    override: ({ jsonSchema }) => {
      const { example } = jsonSchema;
      if (example === undefined) return;
      delete jsonSchema.example;
      jsonSchema.examples = [example];
    },
  });

const ROOT = configJsonSchema() as KnownKey;

export const keyAt = (path: KeyPath): KnownKey | undefined =>
  path.reduce<KnownKey | undefined>((key, name) => key?.properties?.[name], ROOT);

/** The names of the keys that are allowed in the section at that path. */
export const keysBelow = (path: KeyPath): string[] =>
  Object.entries(keyAt(path)?.properties ?? {}).flatMap(([name, key]) => (key.deprecated ? [] : [name]));

/** The known key that an unknown one was probably meant to be, as a whole path; undefined where none is near. */
export function nearestKnownKey(path: KeyPath): string | undefined {
  const [section, name] = [path.slice(0, -1), String(path.at(-1))];
  const sibling = nearest(name, keysBelow(section));
  if (sibling !== undefined) return formatPath([...section, sibling]);
  return allKeys(false)
    .find((known) => known.at(-1) === name)
    ?.join(".");
}

/** The paths of all keys that are read, or of those that only the original platform uses. */
export const allKeys = (foreign: boolean, section = ROOT): KeyPath[] =>
  Object.entries(section.properties ?? {}).flatMap(([name, key]) => [
    ...(foreign === (key.deprecated === true) ? [[name]] : []),
    ...allKeys(foreign, key).map((below) => [name, ...below]),
  ]);

/** The nearest of `words`, at most about a third of `name` away. */
export const nearest = (name: string, words: readonly string[]): string | undefined =>
  closestMatch(name.toLowerCase(), words, { maxDistance: Math.max(2, Math.ceil(name.length / 3)) });
