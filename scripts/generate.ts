/**
 * Writes the files that are made from the code; with --check it only compares, and fails when one is stale, or when
 * something is wrong with the pages that people read. Run as `npm run generate [-- --check]`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { VARIABLES } from "../src/entrypoint/config/variables.ts";
import { VARIABLES as HEALTH_VARIABLES } from "../src/health-service/config.ts";
import { configJsonSchema } from "../src/ws/config/known-keys.ts";
import { findPageProblems } from "./pages.ts";

const VARIABLES_PAGE = "docs/environment.md";

const GENERATED: Readonly<Record<string, () => string>> = {
  "config.schema.json": () => asJson(configJsonSchema()),
  [VARIABLES_PAGE]: () => {
    const page = read(VARIABLES_PAGE) ?? "";
    const withNodes = withTable(page, "entrypoint variables", VARIABLES);
    return withTable(withNodes, "health service variables", HEALTH_VARIABLES);
  },
};

interface Described {
  readonly fallback: string | null;
  readonly meaning: string;
}

/** A page with its table of variables made anew; throws where the two marks are missing. */
function withTable(page: string, name: string, variables: Readonly<Record<string, Described>>): string {
  const [begin, end] = [`<!-- generated: ${name} -->`, `<!-- end: ${name} -->`];
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined)
    throw new Error(`expected ${begin} and ${end} in ${VARIABLES_PAGE}`);
  const rows = Object.entries(variables).map(
    ([variable, { fallback, meaning }]) =>
      `| ${variable} | ${fallback === null ? "–" : `\`${fallback}\``} | ${meaning} |`,
  );
  const table = ["| variable | default | meaning |", "|---|---|---|", ...rows].join("\n");
  return `${before}${begin}\n${table}\n${end}${after}`;
}

const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

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
if (checkOnly)
  for (const problem of findPageProblems(inRoot("."))) {
    console.error(`✗ ${problem}`);
    process.exitCode = 1;
  }
