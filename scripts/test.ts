/**
 * Runs tests and says in one line what it left out and why; its last line counts them.
 *   npm test                      those that a newcomer waits for
 *   npm test -- words for vitest  those that the words name, wherever they belong
 *   npm run test:all              every one that this machine allows but the endurance tests (npm run test:long)
 * With LAB_NETNS set, the Docker tests run in that network namespace, where the lab's engine publishes its ports
 * (test/lab/README.md).
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { projects } from "./test-projects.ts";
import { type Counts, count } from "./test-report.ts";

/** What runs in one process of vitest. */
interface Lane {
  readonly projects: readonly string[];
  /** The words that start that process, if not Node alone. */
  readonly before: readonly string[];
  /** Why it cannot run here; null when it can. */
  readonly skip: string | null;
}

const RESULTS = "test-results";
const ALL = "--all";
const words = process.argv.slice(2).filter((word) => word !== ALL);
const filters = words.filter((word) => !word.startsWith("-"));
const all = process.argv.includes(ALL);
// Read by test/fixtures/thorough.ts.
if (all) process.env.THOROUGH ??= "1";

function succeeds(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore", timeout: 20_000 }).status === 0;
}

/** Lanes of one group run at the same time: what they do is mostly waiting, and none takes what another one needs. */
function groups(): Lane[][] {
  const everything = all || filters.length > 0;
  const unlessLong = (why: () => string | null): string | null => (everything ? why() : TAKES_LONG);
  const noRay = whyNoRay();
  const tooLong = unlessLong(() => null);
  /** In one process where all of it runs, so that no processor waits for the longest file of a part. */
  const lane = (first: string[], more: string[], skip: string | null): Lane[] =>
    everything
      ? [{ projects: [...first, ...more], before: [], skip }]
      : [
          { projects: first, before: [], skip },
          { projects: more, before: [], skip: skip ?? tooLong },
        ];
  const noDocker = unlessLong(whyNoDocker);
  const docker = (...projects: string[]): Lane => ({
    projects,
    before: ["sh", "scripts/in-lab.sh"],
    skip: noDocker,
  });
  return [
    // Some of these measure seconds: a Ray that boots beside them would be in their way.
    lane(["unit", "process"], ["process-more", "browser"], null),
    lane(["embedded"], ["embedded-more", "faults"], noRay),
    [{ projects: ["load"], before: [], skip: tooLong }],
    // Three at a time are no faster on two cores, and Ray gives its agents 15 s to start (docs/faults.md 2.15).
    [docker("docker"), docker("docker-nodes", "docker-images")],
    [{ projects: ["machines"], before: [], skip: unlessLong(whyNoMachines) }],
  ];
}

const TAKES_LONG =
  "they last minutes; → npm run test:all runs them, and each property and simulation ten times as often";

function whyNoRay(): string | null {
  if (process.platform !== "linux") return "the embedded runtime needs Linux";
  return succeeds("python3", "-m", "venv", "--help") ? null : "there is no python3 with venv";
}

const whyNoDocker = (): string | null =>
  succeeds("docker", "info") ? null : "no Docker engine answers; → test/lab/up gives this machine one";

const whyNoMachines = (): string | null =>
  process.env.LAB_NETNS === undefined ? "only the lab has machines; → test/lab/up" : whyNoDocker();

/** The words of a lane beside another one are kept until it is done. */
async function runLane({ projects, before }: Lane, beside: boolean): Promise<Counts> {
  const name = projects.join("-");
  const file = `${RESULTS}/${name}.json`;
  const log = `${RESULTS}/${name}.log`;
  const vitest = [
    "node_modules/.bin/vitest",
    "run",
    ...projects.map((name) => `--project=${name}`),
    ...words,
  ];
  const reporters = [
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
    "--passWithNoTests",
  ];
  const [command = "", ...args] = [...before, process.execPath, ...vitest, ...reporters];
  if (beside)
    console.log(`→ Beside these run: ${projects.join(", ")}; what they say follows at their end (${log})`);
  const output = beside ? openSync(log, "w") : "inherit";
  const [status] = await once(spawn(command, args, { stdio: ["inherit", output, output] }), "exit");
  if (beside) process.stdout.write(readFileSync(log));
  return count(file, status as number | null);
}

/** The files of projects that are left out, those among them that the words name: how many tests they hold only a run shows. */
function filesOf(names: readonly string[]): number {
  const files = projects
    .filter(({ name }) => names.includes(name))
    .flatMap(({ include, exclude = [] }) => globSync(include, { exclude }));
  return files.filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .length;
}

/** The projects that are left out, by the reason for it. */
function leftOutOf(lanes: readonly Lane[]) {
  const reasons = new Set(lanes.flatMap(({ skip }) => skip ?? []));
  return [...reasons].map((reason) => {
    const names = lanes.filter(({ skip }) => skip === reason).flatMap(({ projects }) => projects);
    return { reason, names, files: filesOf(names) };
  });
}

rmSync(RESULTS, { recursive: true, force: true });
mkdirSync(RESULTS, { recursive: true });
const chosen = groups();
const counts: Counts[] = [];
for (const group of chosen) {
  const lanes = group.filter(({ skip }) => skip === null);
  counts.push(...(await Promise.all(lanes.map((lane, i) => runLane(lane, i > 0)))));
}
const leftOut = leftOutOf(chosen.flat());
for (const { reason, names, files } of leftOut)
  if (files > 0) console.log(`→ Left out: ${names.join(", ")} tests (files: ${files}), since ${reason}`);
const sum = (key: Exclude<keyof Counts, "failures">): number =>
  counts.reduce((total, each) => total + each[key], 0);
const files = leftOut.reduce((total, each) => total + each.files, 0);
if (sum("executed") === 0)
  console.log(`✗ No test ran${words.length === 0 ? "" : `: none is named by ${words.join(" ")}`}`);
for (const failure of counts.flatMap(({ failures }) => failures)) console.log(`✗ ${failure}`);
// A file that was left out counts as one: nobody knows how many tests it holds.
console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped") + files} skipped`);
process.exitCode = sum("failed") > 0 || sum("executed") === 0 ? 1 : 0;
