/**
 * `npm run bench [-- words]`: measures side by side, in one run, and prints one table; words choose parts.
 * Its exit code says whether every aim was reached.
 */
import Table from "cli-table3";
import { benchDecide } from "./decide.ts";
import { benchHeal } from "./heal.ts";
import { benchHealth } from "./health.ts";
import { benchJoin } from "./join.ts";
import { benchPage } from "./page.ts";
import { benchReady } from "./ready.ts";
import { type Aim, type Row, reaches } from "./row.ts";
import { benchSupervisor } from "./supervisor.ts";
import { benchReaders, benchThousand } from "./thousand.ts";
import { benchUp } from "./up.ts";

const PARTS: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  decide: benchDecide,
  ready: benchReady,
  supervisor: benchSupervisor,
  heal: benchHeal,
  up: benchUp,
  join: benchJoin,
  health: benchHealth,
  thousand: async () => [...(await benchThousand()), ...(await benchReaders())],
  page: benchPage,
};

function chosen(words: readonly string[]): [string, () => Promise<readonly Row[]>][] {
  const unknown = words.filter((word) => !Object.hasOwn(PARTS, word));
  if (unknown.length > 0) {
    console.error(`✗ Expected parts out of ${Object.keys(PARTS).join(", ")}; got ${unknown.join(", ")}`);
    process.exit(2);
  }
  return Object.entries(PARTS).filter(([name]) => words.length === 0 || words.includes(name));
}

const digits = (value: number): string =>
  value.toLocaleString("en", { maximumFractionDigits: value < 100 ? 2 : 0 });

const renderAim = (aim: Aim, unit: string): string =>
  "value" in aim ? `${aim.value} ${aim.than} ${unit}` : `${aim.ratio} ${aim.than} ×`;

function render(rows: readonly Row[]): string {
  const table = new Table({
    head: ["", "value", "unit", "ratio", "aim", ""],
    style: { head: [], border: [] },
  });
  for (const row of rows) {
    const { name, value, unit, ratio, aim } = row;
    table.push([
      name,
      { hAlign: "right", content: digits(value) },
      unit,
      { hAlign: "right", content: ratio === null ? "" : `${digits(ratio)} ×` },
      aim === null ? "" : renderAim(aim, unit),
      aim === null ? "" : reaches(row) ? "✓" : "✗",
    ]);
  }
  return table.toString();
}

const rows: Row[] = [];
for (const [name, measure] of chosen(process.argv.slice(2))) {
  console.error(`→ Measuring: ${name}`);
  rows.push(...(await measure()));
}
console.log(render(rows));
process.exitCode = rows.every(reaches) ? 0 : 1;
