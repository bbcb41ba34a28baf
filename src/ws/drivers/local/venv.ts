import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { err, ok, type Result } from "../../../common/result.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import type { Progress } from "../../terminal/progress.ts";
import { diagnosePip, pipStep } from "./pip.ts";
import { pythonEnvironment } from "./python-environment.ts";

/** The virtual environment that is wanted: it holds Ray and nothing of the user's own. */
export interface VenvRequest {
  /** The folder to make it in. */
  readonly folder: string;
  readonly rayVersion: string;
  /** The Python that it is made with: a name on PATH or a path. */
  readonly python: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

const LOCK_TAKEN = 75;
const NOT_OURS = 77;
const LAST_LINES = 15;

/**
 * Makes the virtual environment unless it is there whole. Two at once: the second waits for the first and finds it done.
 * The mark of a whole one is written last, and names its own place, since a virtual environment cannot be moved.
 */
export async function ensureVenv(request: VenvRequest): Promise<Result<void, WsFailure>> {
  const { folder, rayVersion, progress } = request;
  if (isComplete(request)) return ok(undefined);
  progress.begin(
    "venv",
    `Ray ${rayVersion} from PyPI into a private virtual environment (once, about a minute)`,
  );
  mkdirSync(dirname(folder), { recursive: true });
  const first = await build(request, ["--nonblock", "--conflict-exit-code", String(LOCK_TAKEN)]);
  if (first.code === LOCK_TAKEN) progress.begin("venv", "Another ws is installing Ray; waiting for that one");
  const built = first.code === LOCK_TAKEN ? await build(request, []) : first;
  if (built.code === 0 && isComplete(request)) {
    progress.done("venv", `Ray ${rayVersion} is installed`);
    return ok(undefined);
  }
  progress.fail("venv", `Ray ${rayVersion} could not be installed`);
  if (built.code === NOT_OURS)
    return err({ reason: "unsafe-folder", folder, why: "it exists, and ws did not create it" });
  if (request.signal.aborted) return err(interrupted(request.signal));
  return err(explain(request, built));
}

const markOf = (folder: string): string => join(folder, ".complete");

function isComplete({ folder, rayVersion }: VenvRequest): boolean {
  const mark = markOf(folder);
  return existsSync(mark) && readFileSync(mark, "utf8") === `${rayVersion} ${folder}\n`;
}

/**
 * The steps run below flock(1), whose descriptor pip inherits: should `ws` be killed, the next one waits until
 * this pip is gone and does not write between its files. $1 python, $2 folder, $3 version.
 */
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

interface Built {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly missing: boolean;
}

async function build(request: VenvRequest, lockOptions: readonly string[]): Promise<Built> {
  const { folder, rayVersion, python, env } = request;
  const steps = ["sh", "-c", STEPS, "venv", python, folder, rayVersion];
  const child = spawn("flock", [...lockOptions, `${folder}.lock`, ...steps], {
    // A pip.conf with `user = true` would make pip refuse to install here.
    env: { ...pythonEnvironment(env), PYTHONUNBUFFERED: "1", PIP_USER: "0" },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that one signal ends pip with all its children.
    detached: true,
  });
  const lines: string[] = [];
  let silent = false;
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      if (/^WARNING: Retrying /.test(line) && !silent) {
        silent = true;
        request.progress.begin(
          "venv",
          "The package index does not answer; pip tries four times, for about a minute",
        );
      }
      const step = pipStep(line);
      if (step !== undefined) request.progress.note("venv", step);
    });
  return { ...(await ended(child, request.signal)), lines };
}

function ended(child: ChildProcess, signal: AbortSignal): Promise<Omit<Built, "lines">> {
  const stop = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
  };
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  return new Promise((resolve) => {
    child.once("error", () => resolve({ code: null, missing: true }));
    child.once("close", (code) => {
      signal.removeEventListener("abort", stop);
      resolve({ code, missing: false });
    });
  });
}

function explain({ folder, rayVersion, python }: VenvRequest, { lines, missing }: Built): WsFailure {
  if (missing)
    return { reason: "no-tool", tool: "flock", fix: "Install util-linux (apt-get install util-linux)." };
  const { cause, fix } = diagnosePip(lines, { python, rayVersion, folder });
  return { reason: "venv-failed", folder, rayVersion, lines: lines.slice(-LAST_LINES), cause, fix };
}
