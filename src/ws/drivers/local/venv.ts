import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { readText } from "../../../common/auth-token.ts";
import type { Environment } from "../../../common/environment.ts";
import { err, ok } from "../../../common/result.ts";
import { type Attempt, interrupted, type WsFailure } from "../../failure.ts";
import type { Job } from "../../job.ts";
import { type Ended, runProgram } from "../run-program.ts";
import { diagnosePip, pipStep, pythonEnvironment } from "./pip.ts";

/** A virtual environment that holds Ray and nothing of the user's own. */
interface Venv {
  readonly folder: string;
  readonly rayVersion: string;
  /** The Python that it is made with: a name on PATH or a path. */
  readonly python: string;
  readonly env: Environment;
}

type Shown = Pick<Job, "progress" | "signal">;

const LOCK_TAKEN = 75;
const NOT_OURS = 77;
const LAST_LINES = 15;

/**
 * Makes the virtual environment unless it is there whole. Two at once: the second waits for the first and finds it done.
 * The mark of a whole one is written last, and names its own place, since a virtual environment cannot be moved.
 */
export async function ensureVenv(venv: Venv, job: Shown): Attempt {
  const { folder, rayVersion } = venv;
  const { progress, signal } = job;
  const isComplete = () => readText(`${folder}/.complete`) === `${rayVersion} ${folder}\n`;
  if (isComplete()) return ok(undefined);
  progress.begin(
    "venv",
    `Ray ${rayVersion} from PyPI into a private virtual environment (once, about a minute)`,
  );
  mkdirSync(dirname(folder), { recursive: true });
  let built = await build(venv, job, ["--nonblock", "--conflict-exit-code", String(LOCK_TAKEN)]);
  if (built.code === LOCK_TAKEN) {
    progress.begin("venv", "Another ws is installing Ray; waiting for that one");
    built = await build(venv, job, []);
  }
  if (built.code === 0 && isComplete()) {
    progress.done("venv", `Ray ${rayVersion} is installed`);
    return ok(undefined);
  }
  progress.fail("venv", `Ray ${rayVersion} could not be installed`);
  if (built.code === NOT_OURS)
    return err({ reason: "unsafe-folder", folder, why: "it exists, and ws did not create it" });
  return err(signal.aborted ? interrupted(signal) : explain(venv, built));
}

/** They run below flock(1), whose descriptor pip inherits: after a killed `ws` the next one waits until its pip is gone. */
const STEPS = `
set -e
mark="$3 $2"
if [ -f "$2/.complete" ] && [ "$(cat "$2/.complete")" = "$mark" ]; then exit 0; fi
# Only what ws began itself is removed.
if [ -e "$2" ] && [ ! -e "$2/.complete" ] && [ ! -e "$2/.ws" ]; then exit 77; fi
rm -rf "$2"
mkdir "$2"
: > "$2/.ws"
"$1" -m venv "$2"
"$2/bin/python" -m pip install --no-input --disable-pip-version-check --progress-bar off --timeout 15 --retries 3 "ray[default]==$3"
"$2/bin/python" -c "import ray; assert ray.__version__ == '$3', ray.__version__"
printf '%s\\n' "$mark" > "$2/.complete.new"
mv "$2/.complete.new" "$2/.complete"
`;

async function build(
  venv: Venv,
  { progress, signal }: Shown,
  lockOptions: readonly string[],
): Promise<Ended> {
  const { folder, rayVersion, python, env } = venv;
  const steps = ["sh", "-c", STEPS, "venv", python, folder, rayVersion];
  let silent = false;
  const onLine = (line: string) => {
    if (/^WARNING: Retrying /.test(line) && !silent) {
      silent = true;
      progress.begin("venv", "The package index does not answer; pip tries four times, for about a minute");
    }
    const step = pipStep(line);
    if (step !== undefined) progress.note("venv", step);
  };
  return runProgram(["flock", ...lockOptions, `${folder}.lock`, ...steps], {
    // A pip.conf with `user = true` would make pip refuse to install here.
    env: { ...pythonEnvironment(env), PYTHONUNBUFFERED: "1", PIP_USER: "0" },
    signal,
    onLine,
  });
}

function explain(venv: Venv, { all, missing }: Ended): WsFailure {
  if (missing)
    return { reason: "no-tool", tool: "flock", fix: "Install util-linux (apt-get install util-linux)." };
  const { folder, rayVersion } = venv;
  const lines = all.trim().split("\n").slice(-LAST_LINES);
  return { reason: "venv-failed", folder, rayVersion, lines, ...diagnosePip(all, venv) };
}
