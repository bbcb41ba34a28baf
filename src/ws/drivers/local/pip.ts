interface Diagnosis {
  readonly cause: string;
  readonly fix: string;
}

interface Attempt {
  readonly python: string;
  readonly rayVersion: string;
  readonly folder: string;
}

interface Pattern {
  readonly seen: RegExp;
  readonly explain: (attempt: Attempt) => Diagnosis;
}

/** In this order: without a network pip ends with "No matching distribution" as well. */
const PATTERNS: readonly Pattern[] = [
  {
    seen: /No space left on device|Errno 28|Disk quota exceeded/,
    explain: ({ folder }) => ({
      cause: "the disk is full",
      fix: `Free about 1.5 GB where ${folder} lies (and in the folder for temporary files).`,
    }),
  },
  {
    seen: /ensurepip is not available|No module named '?(?:venv|ensurepip)|python3[.\d]*-venv/,
    explain: ({ python }) => ({
      cause: `${python} has no venv module that works`,
      fix: "Install it (on Debian and Ubuntu: apt-get install python3-venv).",
    }),
  },
  {
    seen: /(?:python\S*: |: )(?:command )?not found|No such file or directory: .*python/,
    explain: ({ python }) => ({
      cause: `there is no ${python} on this machine`,
      fix: "Install Python 3.10 or later with its venv module, or name one in WS_PYTHON.",
    }),
  },
  {
    seen: /Temporary failure in name resolution|Failed to establish a new connection|NewConnectionError|ConnectTimeout|Read timed out|Connection (?:refused|reset|aborted)|Network is unreachable|No route to host|ProxyError|Tunnel connection failed/,
    explain: () => ({
      cause: "the package index cannot be reached",
      fix: "Check the network; behind a proxy set HTTPS_PROXY, for a mirror PIP_INDEX_URL.",
    }),
  },
  {
    seen: /SSLError|CERTIFICATE_VERIFY_FAILED/,
    explain: () => ({
      cause: "the package index's certificate is not trusted",
      fix: "Name your authority's certificates in PIP_CERT.",
    }),
  },
  {
    seen: /No matching distribution found for ray|Could not find a version that satisfies the requirement ray|Requires-Python|requires a different Python/,
    explain: ({ python, rayVersion }) => ({
      cause: `there is no Ray ${rayVersion} for this Python (${python}) and this machine`,
      fix: "Set ray.version in config.yaml to one of the versions listed above, or WS_PYTHON to another Python (Ray 2.60 takes 3.10 to 3.14).",
    }),
  },
  {
    seen: /Permission denied|Read-only file system/,
    explain: ({ folder }) => ({
      cause: `${folder} cannot be written`,
      fix: "Give yourself the right to write there, or another state folder with --state.",
    }),
  },
];

/** The likely cause of a failed installation, from what Python and pip printed. Pure. */
export function diagnosePip(lines: readonly string[], attempt: Attempt): Diagnosis {
  const text = lines.join("\n");
  return (
    PATTERNS.find(({ seen }) => seen.test(text))?.explain(attempt) ?? {
      cause: "pip's output says why",
      fix: "Correct what they name.",
    }
  );
}

/** What pip is doing, in a few words; undefined for a line that says nothing new. Pure. */
export function pipStep(line: string): string | undefined {
  const [, verb, what = ""] =
    /^\s*(Collecting|Downloading|Installing collected packages)[: ]+(\S+)/.exec(line) ?? [];
  if (verb === undefined) return undefined;
  const name =
    what
      .split("/")
      .at(-1)
      ?.replace(/[-=<>!~;[(].*$/, "") ?? "";
  const size = /\((\S+ [kMG]?B)\)/.exec(line)?.[1];
  if (verb === "Installing collected packages") return "installing";
  return `${verb.toLowerCase()} ${name}${size === undefined ? "" : `, ${size}`}`;
}
