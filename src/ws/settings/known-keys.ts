import { closestMatch } from "leven";
import * as z from "zod";
import { formatPath, type KeyPath } from "./document.ts";
import { ConfigFile } from "./schema.ts";

interface SchemaNode {
  /** A key of the original platform, which ws does not read. */
  readonly deprecated?: boolean;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
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

/** The known key that an unknown one was probably meant to be, as a whole path; undefined where none is near. */
export function nearestKnownKey(path: KeyPath): string | undefined {
  const root = configJsonSchema() as SchemaNode;
  const parent = path.slice(0, -1);
  const name = String(path.at(-1));
  const siblings = keysBelow(descend(root, parent));
  const sibling = nearest(name, siblings);
  if (sibling !== undefined) return formatPath([...parent, sibling]);
  const everywhere = allPaths(root);
  return everywhere.find((known) => known.at(-1) === name)?.join(".");
}

/** The keys that are allowed in the section at that path. */
export const keysAt = (path: KeyPath): string[] => keysBelow(descend(configJsonSchema() as SchemaNode, path));

const keysBelow = (node: SchemaNode | undefined): string[] =>
  Object.entries(node?.properties ?? {}).flatMap(([key, child]) => (child.deprecated ? [] : [key]));

/** The keys that only the original platform uses. */
export const foreignKeys = (): KeyPath[] =>
  allPaths(configJsonSchema() as SchemaNode, [], (node) => node.deprecated === true);

/** The nearest of `words`, at most about a third of `name` away. */
export const nearest = (name: string, words: readonly string[]): string | undefined =>
  closestMatch(name, words, { maxDistance: Math.max(2, Math.ceil(name.length / 3)) });

function descend(root: SchemaNode, path: KeyPath): SchemaNode | undefined {
  return path.reduce<SchemaNode | undefined>((node, key) => node?.properties?.[key], root);
}

function allPaths(
  node: SchemaNode,
  prefix: readonly string[] = [],
  wanted: (node: SchemaNode) => boolean = ({ deprecated }) => !deprecated,
): (readonly string[])[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
    ...(wanted(child) ? [[...prefix, key]] : []),
    ...allPaths(child, [...prefix, key], wanted),
  ]);
}
