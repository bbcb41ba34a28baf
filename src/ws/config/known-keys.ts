import * as z from "zod/mini";
import type { KeyPath } from "./document.ts";
import { ConfigFile } from "./schema.ts";

/** What the schema says of a key. */
interface KnownKey {
  /** A key of the original platform, which ws does not read. */
  readonly deprecated: boolean;
  readonly fallback: unknown;
  readonly example: unknown;
  /** Of a section: the keys below it, and what each further one is, whose name is the user's. */
  readonly section: Pick<z.core.$ZodObjectDef, "shape" | "catchall"> | undefined;
}

function knownKey(schema: z.core.$ZodType): KnownKey {
  const { deprecated = false, example } = z.globalRegistry.get(schema) ?? {};
  const [fallback, section] = behind(schema as z.core.$ZodTypes);
  return { deprecated, fallback, example, section };
}

/** What is under the marks of a key that may be left out, and of one whose value becomes another. */
function behind({ _zod: { def } }: z.core.$ZodTypes): [fallback?: unknown, section?: KnownKey["section"]] {
  if (def.type === "object") return [undefined, def];
  if (def.type === "pipe") return behind(def.in as z.core.$ZodTypes);
  if (def.type !== "prefault" && def.type !== "optional") return [];
  const [fallback, section] = behind(def.innerType as z.core.$ZodTypes);
  return [def.type === "prefault" ? def.defaultValue : fallback, section];
}

/** The key at that path; undefined where the schema has none. */
export const keyAt = (path: KeyPath): KnownKey | undefined =>
  path.reduce<KnownKey | undefined>((key, name) => {
    const { shape = {}, catchall } = key?.section ?? {};
    const below = Object.hasOwn(shape, name) ? shape[name] : catchall;
    return below && knownKey(below);
  }, knownKey(ConfigFile));

const keysOf = ({ section }: Pick<KnownKey, "section">) =>
  Object.entries(section?.shape ?? {}).map(([name, schema]) => [name, knownKey(schema)] as const);

/** The names of the keys that are allowed in the section at that path. */
export const keysBelow = (path: KeyPath): string[] =>
  keysOf(keyAt(path) ?? { section: undefined }).flatMap(([name, { deprecated }]) =>
    deprecated ? [] : [name],
  );

/** The paths of all keys that are read, or of the original platform's. */
export const allKeys = (foreign: boolean, section = knownKey(ConfigFile)): KeyPath[] =>
  keysOf(section).flatMap(([name, key]) => [
    ...(foreign === key.deprecated ? [[name]] : []),
    ...allKeys(foreign, key).map((below) => [name, ...below]),
  ]);

/** The JSON Schema of config.yaml as a person writes it, with every default and description: config.schema.json. */
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
