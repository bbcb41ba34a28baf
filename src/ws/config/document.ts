import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from "yaml";
import type { Problem } from "../../common/failure.ts";
import { err, ok, type Result } from "../../common/result.ts";

/** Keys and list positions from the root of the file down to a value. */
export type KeyPath = readonly (string | number)[];

/** The file as plain data without its empty keys, and where each of its values stands. */
export interface ConfigDocument {
  readonly data: unknown;
  /** What the file has there; undefined: nothing. */
  valueAt(path: KeyPath): unknown;
  /** `config.yaml:12:7 services.ray.cpu.head_port`; a key that is not there is placed at its nearest section. */
  where(path: KeyPath, end?: "key" | "value"): string;
}

/** `nodes.head_whitelist[0]` */
export const formatPath = (path: KeyPath): string =>
  path.map((key, i) => (typeof key === "number" ? `[${key}]` : i === 0 ? key : `.${key}`)).join("");

/** Its inverse, for keys without dots. */
export const parsePath = (text: string): KeyPath =>
  text
    .split(/[.[\]]+/)
    .filter(Boolean)
    .map((key) => (/^\d+$/.test(key) ? Number(key) : key));

/** Parses YAML 1.2 with merge keys; every syntax error and duplicate key is a problem. */
export function parseConfigDocument(text: string, file: string): Result<ConfigDocument, Problem[]> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const errors = document.errors.map(({ pos, message, code }) => ({
    where: at(pos[0]),
    ...(code === "DUPLICATE_KEY"
      ? { problem: "this key stands twice in its section", fix: "Keep one of the two." }
      : { problem: `not valid YAML: ${message}`, fix: "Correct the syntax at this place." }),
  }));
  if (errors.length > 0) return err(errors);
  const data = toData(document);
  if (!data.ok) return err([{ where: at(0), problem: data.error, fix: "Write the values out instead." }]);
  return ok({
    data: data.value,
    valueAt: (path) =>
      path.reduce<unknown>(
        (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
        data.value,
      ),
    where: (path, end = "value") => `${at(offsetOf(document, path, end))} ${formatPath(path)}`.trimEnd(),
  });
}

/** The library refuses what only resolving shows: an alias without anchor, or aliases that grow without end. */
function toData(document: Document): Result<unknown, string> {
  let endless = false;
  visit(document, {
    Alias: (_, alias, above) => {
      const named = alias.resolve(document);
      endless ||= above.some((node) => node === named);
    },
  });
  if (endless) return err("an alias (*) stands inside the value that its anchor (&) names");
  try {
    return ok(document.toJS({ reviver: withoutEmpty }) ?? {});
  } catch (error) {
    return err(`not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** `head_address:` and `head_address: ""` both mean that the key is not set. */
function withoutEmpty(this: unknown, _: unknown, value: unknown): unknown {
  return (value === null || value === "") && !Array.isArray(this) ? undefined : value;
}

/** Where the value begins, or its key; what is not there is placed at the nearest section around it. */
function offsetOf(document: Document.Parsed, path: KeyPath, end: "key" | "value"): number {
  if (path.length === 0) return 0;
  const section = document.getIn(path.slice(0, -1), true);
  const pair = isMap(section) ? section.items.find(({ key }) => String(key) === path.at(-1)) : undefined;
  const value = document.getIn(path, true);
  const node = isScalar(value) && end === "value" ? value : (pair?.key ?? value);
  return isNode(node) && node.range ? node.range[0] : offsetOf(document, path.slice(0, -1), "key");
}
