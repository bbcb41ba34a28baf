import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Pair,
  parseDocument,
} from "yaml";
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
  where(path: KeyPath): string;
  /** The same for the key itself, not its value. */
  whereKey(path: KeyPath): string;
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
  if (document.errors.length > 0)
    return err(
      document.errors.map(({ pos, message, code }) => ({
        where: at(pos[0]),
        problem:
          code === "DUPLICATE_KEY" ? "this key stands twice in its section" : `not valid YAML: ${message}`,
        fix: code === "DUPLICATE_KEY" ? "Keep one of the two." : "Correct the syntax at this place.",
      })),
    );
  const data = toData(document);
  if (!data.ok) return err([{ where: at(0), problem: data.error, fix: "Write the values out instead." }]);
  const where = (path: KeyPath, end: "key" | "value") =>
    `${at(offsetOf(document, path, end))}${path.length === 0 ? "" : ` ${formatPath(path)}`}`;
  return ok({
    data: data.value,
    valueAt: (path) => valueAt(data.value, path),
    where: (path) => where(path, "value"),
    whereKey: (path) => where(path, "key"),
  });
}

/** The library refuses what only resolving shows: an alias without anchor, or aliases that grow without end. */
function toData(document: Document): Result<unknown, string> {
  try {
    const data: unknown = document.toJS();
    return hasCycle(data)
      ? err("an alias (*) stands inside the value that its anchor (&) names")
      : ok(withoutEmpty(data) ?? {});
  } catch (error) {
    return err(`not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

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

const valueAt = (data: unknown, path: KeyPath): unknown =>
  path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
    data,
  );

/** An anchor's value that holds its own alias has no end. */
function hasCycle(value: unknown, above: readonly unknown[] = []): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (above.includes(value)) return true;
  return Object.values(value).some((child) => hasCycle(child, [...above, value]));
}

function offsetOf(document: Document.Parsed, path: KeyPath, end: "key" | "value"): number {
  for (let depth = path.length; depth > 0; depth--) {
    const found = offsetAt(document, path.slice(0, depth), depth === path.length ? end : "key");
    if (found !== undefined) return found;
  }
  return 0;
}

function offsetAt(document: Document.Parsed, path: KeyPath, end: "key" | "value"): number | undefined {
  const value = document.getIn(path, true);
  if (end === "value" && isScalar(value) && value.range) return value.range[0];
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const pair = isMap(parent) ? parent.items.find((each) => keyText(each) === path.at(-1)) : undefined;
  if (isNode(pair?.key) && pair.key.range) return pair.key.range[0];
  return isCollection(value) && value.range ? value.range[0] : undefined;
}

const keyText = (pair: Pair): string => (isScalar(pair.key) ? String(pair.key.value) : String(pair.key));
