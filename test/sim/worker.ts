import { parentPort, workerData } from "node:worker_threads";
import { Tally } from "./coverage.ts";
import { type Outcome, runHistory } from "./history.ts";
import type { Share, Totals } from "./run-many.ts";

const REPORT_EVERY = 100;
/** Enough to see what is wrong. */
const MAX_FAILURES = 20;

// Each timer that is called off makes an error whose stack nobody reads, at a twentieth of the whole time.
Error.stackTraceLimit = 0;

const { firstSeed, histories, step } = workerData as Share;
const failures: Outcome[] = [];
const tally = new Tally();
let virtualMs = 0;
for (let i = 0; i < histories; i++) {
  const outcome = await runHistory(firstSeed + i * step, false);
  virtualMs += outcome.virtualMs;
  tally.add(outcome.coverage);
  if (outcome.violation !== null && failures.length < MAX_FAILURES) failures.push(outcome);
  const done = i + 1;
  if (done % REPORT_EVERY === 0 || done === histories)
    parentPort?.postMessage({
      histories: done,
      virtualMs,
      coverage: tally.coverage,
      failures,
    } satisfies Totals);
}
