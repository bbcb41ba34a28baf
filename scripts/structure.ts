/**
 * Fails when a folder of src holds more files than a reader takes in at a glance; tests, which stand beside their files,
 * do not count. Biome's noImportCycles and noRestrictedImports (biome.json) hold the arrows between the folders.
 */
import { globSync } from "node:fs";
import { dirname } from "node:path";

const MAX_FILES = 16;

const files = globSync("src/**/*.{ts,tsx}").filter((file) => !file.endsWith(".test.ts"));
const crowded = [...Map.groupBy(files, dirname)].filter(([, inside]) => inside.length > MAX_FILES);
for (const [folder, { length }] of crowded)
  console.error(
    `✗ ${folder}: expected at most ${MAX_FILES} files, got ${length}. → Give a part of them a folder.`,
  );
process.exitCode = crowded.length > 0 ? 1 : 0;
