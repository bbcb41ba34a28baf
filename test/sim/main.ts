/**
 * The long run of the simulation, or one history of it with its story:
 *   npm run sim                                    100,000 histories from seed 1
 *   npm run sim -- --histories 5000 --from 200000  others
 *   npm run sim -- --seed 4711                     one, told event by event
 */
import { parseArgs } from "node:util";
import { type Outcome, runHistory } from "./history.ts";
import { runMany } from "./run-many.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    from: { type: "string", default: "1" },
    histories: { type: "string", default: "100000" },
  },
});

/** A seed or a count; junk ends the program rather than standing for something else. */
function readNumber(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  console.error(`✗ --${option}: expected a whole number of at most nine digits, got ${text}`);
  process.exit(2);
}

async function tellOne(seed: number): Promise<boolean> {
  const { story, violation } = await runHistory(seed, true);
  console.log(story.join("\n"));
  console.log(violation === null ? `✓ Seed ${seed}: every promise held` : `✗ Seed ${seed}: ${violation}`);
  return violation === null;
}

const seeds = (failures: readonly Outcome[]): string =>
  failures.length === 0 ? "none" : `seeds ${failures.map(({ seed }) => seed).join(", ")}`;

async function runAll(from: number, histories: number): Promise<boolean> {
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(0);
  let told = 0;
  const { failures, virtualMs, coverage } = await runMany(from, histories, (done, failures) => {
    if (done - told < histories / 20) return;
    told = done;
    console.log(`→ ${done} of ${histories} histories, failures: ${seeds(failures)}, ${seconds()} s`);
  });
  for (const { seed, violation } of failures)
    console.log(`✗ Seed ${seed}: ${violation}\n  → npm run sim -- --seed ${seed}`);
  for (const [what, times] of Object.entries(coverage))
    console.log(`  ${String(times).padStart(9)}  ${what}`);
  const days = (virtualMs / 86_400_000).toFixed(0);
  const mark = failures.length === 0 ? "✓" : "✗";
  console.log(
    `${mark} ${histories} histories, ${days} days of virtual time in ${seconds()} s, ${failures.length} failures`,
  );
  return failures.length === 0;
}

const held =
  values.seed === undefined
    ? await runAll(readNumber("from", values.from), readNumber("histories", values.histories))
    : await tellOne(readNumber("seed", values.seed));
process.exit(held ? 0 : 1);
