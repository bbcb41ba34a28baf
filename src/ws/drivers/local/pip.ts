import type { Environment } from "../../../common/environment.ts";

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

interface Install {
  readonly python: string;
  readonly rayVersion: string;
  readonly folder: string;
}

/** In this order: without a network pip ends with "No matching distribution" as well. */
const causes = ({ python, rayVersion, folder }: Install): readonly (readonly [RegExp, string, string])[] => [
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
export function diagnosePip(
  output: string,
  attempt: Install,
): { readonly cause: string; readonly fix: string } {
  const [, cause = "", fix = ""] = causes(attempt).find(([seen]) => seen.test(output)) ?? [];
  return { cause, fix };
}

/** What pip is doing, in a few words; undefined for a line that says nothing new. Pure. */
export function pipStep(line: string): string | undefined {
  const [, verb, what = ""] =
    /^\s*(Collecting|Downloading|Installing collected packages)[: ]+(\S+)/.exec(line) ?? [];
  if (verb === undefined || verb.startsWith("Installing")) return verb && "installing";
  const name = what.replace(/^.*\//, "").replace(/[-=<>!~;[(].*$/, "");
  const [, size] = /\((\S+ [kMG]?B)\)/.exec(line) ?? [];
  return `${verb.toLowerCase()} ${name}${size === undefined ? "" : `, ${size}`}`;
}
