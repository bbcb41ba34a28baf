import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Environment } from "../../../common/environment.ts";
import { readText } from "../../../common/files.ts";
import { err, ok } from "../../../common/result.ts";
import { type Attempt, interrupted, type WsFailure } from "../../failure.ts";
import type { Job } from "../../output/progress.ts";
import { type Ended, runProgram } from "../run-program.ts";

interface Venv {
  readonly folder: string;
  readonly rayVersion: string;
  readonly python: string;
  readonly env: Environment;
}

type Shown = Pick<Job, "progress" | "signal">;

const LOCK_TAKEN = 75;
const NOT_OURS = 77;
const LAST_LINES = 15;

/** Makes the virtual environment unless it is there whole. Its mark names its place, since it cannot be moved. */
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

/** Where packages come from and how to reach them. All other variables of pip change what is installed, or where. */
const PIP_KEPT =
  /^PIP_(?:INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY|CONFIG_FILE|CACHE_DIR|NO_CACHE_DIR|TIMEOUT|DEFAULT_TIMEOUT|RETRIES|KEYRING_PROVIDER)$/;

/** Variables that would bring another Python or its modules into a virtual environment. */
const FOREIGN = /^(?:PYTHON\w*|__PYVENV_LAUNCHER__|VIRTUAL_ENV\w*|CONDA_\w*)$/;

/** The environment for making a virtual environment, without what the shell has set for other Pythons. Pure. */
export const pythonEnvironment = (env: Environment): Environment =>
  Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !FOREIGN.test(name) && (!name.startsWith("PIP_") || PIP_KEPT.test(name)),
    ),
  );

/** In this order: without a network pip ends with "No matching distribution" as well. */
const causes = ({ python, rayVersion, folder }: Venv): readonly (readonly [RegExp, string, string])[] => [
  [
    /No space left on device|Errno 28|Disk quota exceeded/,
    "the disk is full",
    `Free about 1.5 GB where ${folder} lies (and in the folder for temporary files).`,
  ],
  [
    /ensurepip is not available|No module named '?(?:venv|ensurepip)|python3[.\d]*-venv/,
    `${python} has no venv module that works`,
    "Install it (on Debian and Ubuntu: apt-get install python3-venv).",
  ],
  [
    /(?:python\S*: |: )(?:command )?not found|No such file or directory: .*python/,
    `there is no ${python} on this machine`,
    "Install Python 3.10 or later with its venv module, or name one in WS_PYTHON.",
  ],
  [
    /Temporary failure in name resolution|Failed to establish a new connection|NewConnectionError|ConnectTimeout|Read timed out|Connection (?:refused|reset|aborted)|Network is unreachable|No route to host|ProxyError|Tunnel connection failed/,
    "the package index cannot be reached",
    "Check the network; behind a proxy set HTTPS_PROXY, for a mirror PIP_INDEX_URL.",
  ],
  [
    /SSLError|CERTIFICATE_VERIFY_FAILED/,
    "the package index's certificate is not trusted",
    "Name your authority's certificates in PIP_CERT.",
  ],
  [
    /No matching distribution found for ray|Could not find a version that satisfies the requirement ray|Requires-Python|requires a different Python/,
    `there is no Ray ${rayVersion} for this Python (${python}) and this machine`,
    "Set ray.version in config.yaml to one of the versions listed above, or WS_PYTHON to another Python (Ray 2.60 takes 3.10 to 3.14).",
  ],
  [
    /Permission denied|Read-only file system/,
    `${folder} cannot be written`,
    "Give yourself the right to write there, or another state folder with --state.",
  ],
  [/^/, "pip's output says why", "Correct what they name."],
];

/** The likely cause of a failed installation, from what Python and pip printed. Pure. */
function diagnosePip(output: string, venv: Venv): { readonly cause: string; readonly fix: string } {
  const [, cause = "", fix = ""] = causes(venv).find(([seen]) => seen.test(output)) ?? [];
  return { cause, fix };
}

/** What pip is doing, in a few words; undefined for a line that says nothing new. Pure. */
function pipStep(line: string): string | undefined {
  const [, verb, what = ""] =
    /^\s*(Collecting|Downloading|Installing collected packages)[: ]+(\S+)/.exec(line) ?? [];
  if (verb === undefined || verb.startsWith("Installing")) return verb && "installing";
  const name = what.replace(/^.*\//, "").replace(/[-=<>!~;[(].*$/, "");
  const [, size] = /\((\S+ [kMG]?B)\)/.exec(line) ?? [];
  return `${verb.toLowerCase()} ${name}${size === undefined ? "" : `, ${size}`}`;
}
