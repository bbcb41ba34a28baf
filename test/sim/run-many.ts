import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { type Coverage, Tally } from "./coverage.ts";
import type { Outcome } from "./history.ts";

export interface Totals {
  readonly histories: number;
  readonly virtualMs: number;
  readonly coverage: Coverage;
  /** Histories that broke a promise, by seed. */
  readonly failures: readonly Outcome[];
}

/** What a worker is told, and what it says every so often. */
export interface Share {
  readonly firstSeed: number;
  readonly histories: number;
  /** How far its seeds are apart. */
  readonly step: number;
}

/** Lives the histories of consecutive seeds through, on all cores; `onProgress` hears how many are done and which failed. */
export async function runMany(
  firstSeed: number,
  histories: number,
  onProgress: (done: number, failures: readonly Outcome[]) => void = () => {},
): Promise<Totals> {
  const step = Math.min(availableParallelism(), histories);
  const done = new Array<Totals>(step).fill({
    histories: 0,
    virtualMs: 0,
    coverage: new Tally().coverage,
    failures: [],
  });
  const sum = (key: "histories" | "virtualMs") => done.reduce((total, each) => total + each[key], 0);
  const shares = done.map((_, i): Share => {
    const own = Math.ceil((histories - i) / step);
    return { firstSeed: firstSeed + i, histories: own, step };
  });
  await Promise.all(
    shares.map((share, i) =>
      runShare(share, (totals) => {
        done[i] = totals;
        onProgress(
          sum("histories"),
          done.flatMap((each) => each.failures),
        );
      }),
    ),
  );
  const failures = done.flatMap((each) => each.failures).sort((a, b) => a.seed - b.seed);
  const tally = new Tally();
  for (const each of done) tally.add(each.coverage);
  return { histories: sum("histories"), virtualMs: sum("virtualMs"), coverage: tally.coverage, failures };
}

function runShare(share: Share, onTotals: (totals: Totals) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    // The sources are modules in a package that does not say so, since its bundles are not.
    const execArgv = ["--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"];
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: share, execArgv });
    worker.on("message", onTotals);
    worker.on("error", reject);
    worker.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
  });
}
