import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { configJsonSchema } from "./known-keys.ts";

const inRoot = (file: string): string => readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8");

test("config.schema.json is what the code makes (npm run generate)", () => {
  expect(JSON.parse(inRoot("config.schema.json"))).toEqual(configJsonSchema());
});

test("an editor finds nothing wrong with the config.yaml that ships, and marks a mistyped key and a wrong value", () => {
  const validate = new Ajv().compile(JSON.parse(inRoot("config.schema.json")));
  expect(validate(parse(inRoot("config.yaml")))).toBe(true);
  expect(validate(parse("services: { ray: { cpu: { haed_port: 1 } } }"))).toBe(false);
  expect(validate(parse("services: { ray: { cpu: { head_port: 70000 } } }"))).toBe(false);
  expect(validate({})).toBe(true);
});

test("every key says what it is for", () => {
  interface Node {
    readonly description?: string;
    readonly properties?: Readonly<Record<string, Node>>;
  }
  const undescribed = (node: Node, path: string): string[] =>
    node.properties === undefined
      ? node.description === undefined
        ? [path]
        : []
      : Object.entries(node.properties).flatMap(([key, child]) => undescribed(child, `${path}.${key}`));
  expect(undescribed(configJsonSchema() as Node, "")).toEqual([]);
});
