import { Document, isMap, isScalar, type Scalar } from "yaml";
import type { ComposeFile } from "./compose-file.ts";

/** A comment above the key at `path`. */
export interface Note {
  readonly path: readonly string[];
  readonly text: string;
}

/** The object as YAML that 1.1 parsers (docker-compose 1.29) and 1.2 parsers (docker compose) read alike. */
export function composeYaml(file: ComposeFile, header: string, notes: readonly Note[]): string {
  const document = new Document(file, { aliasDuplicateObjects: false, compat: "yaml-1.1" });
  document.commentBefore = comment(header);
  for (const { path, text } of notes) keyAt(document, path).commentBefore = comment(text);
  return document.toString({ lineWidth: 0 });
}

function keyAt(document: Document, path: readonly string[]): Scalar {
  const parent = document.getIn(path.slice(0, -1));
  const pair = isMap(parent)
    ? parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1))
    : undefined;
  if (!isScalar(pair?.key)) throw new Error(`nothing to comment at ${path.join(".")}`);
  return pair.key;
}

const comment = (text: string): string => text.replaceAll(/^/gm, " ");
