/**
 * Writes the files that are made from the code; with --check it only compares, and fails when one is stale.
 * Run as `npm run generate [-- --check]`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { configJsonSchema } from "../src/ws/settings/known-keys.ts";

const GENERATED: Readonly<Record<string, () => string>> = {
  "config.schema.json": () => `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
};

const inRoot = (file: string): string => fileURLToPath(new URL(`../${file}`, import.meta.url));

function read(file: string): string | undefined {
  try {
    return readFileSync(inRoot(file), "utf8");
  } catch {
    return undefined;
  }
}

const checkOnly = process.argv.includes("--check");
const stale = Object.entries(GENERATED).filter(([file, make]) => read(file) !== make());
for (const [file, make] of stale) {
  if (checkOnly) {
    console.error(`✗ ${file} does not fit the code. → Run: npm run generate`);
    process.exitCode = 1;
  } else {
    writeFileSync(inRoot(file), make());
    console.log(`✓ ${file} written`);
  }
}
