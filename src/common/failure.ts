import { type Address, formatAddress } from "./address.ts";
import { JOIN_FAILURES } from "./join-failure.ts";
import { seconds } from "./output/units.ts";
import { type ProbeAnswer, type ProbeResult, renderAnswer, renderProbe } from "./probe-result.ts";
import type { Members } from "./result.ts";

/** One thing wrong with the input: where, what was expected and got, and the way out. Never a secret's value. */
export interface Problem {
  /** The variable, the key, or `file:line:column key`. */
  readonly where: string;
  /** Other variables that the problem concerns. */
  readonly related?: readonly string[];
  readonly problem: string;
  readonly fix: string;
}

/** A list of problems, all of them. */
export const renderProblems = (what: string, problems: readonly Problem[]): string[] => [
  `✗ ${what}: ${problems.length === 1 ? "1 problem" : `${problems.length} problems`}`,
  ...problems.flatMap(({ where, problem, fix }) => [`  ✗ ${where}: ${problem}`, `    → ${fix}`]),
];

/** The same for warnings: the program goes on. */
export const renderWarnings = (what: string, warnings: readonly Problem[]): string[] => [
  `→ ${what}:`,
  ...warnings.flatMap(({ where, problem, fix }) => [
    `  → ${where}: ${problem}`,
    ...(fix === "" ? [] : [`    ${fix}`]),
  ]),
];

type Problems = { problems: readonly Problem[] };
type OtherVersion = { head: Address; theirs: string; ours: string };
type Named = { node: string; message: string };

/** Those of every program: wrong words or variables. */
export const INPUT_FAILURES = {
  "bad-command-line": ({ problems }: Problems) => renderProblems("The command line is wrong", problems),
  "bad-configuration": ({ problems }: Problems) => renderProblems("The environment is wrong", problems),
};

/** The failures that we expect, each with its words: the first line stands alone, the last is the way out. */
const FAILURES = {
  ...INPUT_FAILURES,
  ...JOIN_FAILURES,
  "no-such-user": ({ user }: { user: string }) => [
    `✗ This system has no user "${user}" for Ray to run as`,
    "→ Set RAY_EP_USER to the name of a user that exists, or to a uid, such as 1000.",
  ],
  "wrong-user": ({ user, wanted }: { user: string; wanted: string }) => [
    `✗ Ray must run as the user ${wanted}, but this program runs as ${user} and cannot change users`,
    user === "root"
      ? "→ Give the container the capabilities SETUID and SETGID, start it as that user, or set RAY_EP_USER=root."
      : `→ Start it as ${wanted} or as root, or leave RAY_EP_USER out: then Ray runs as ${user}.`,
  ],
  "requirements-unreadable": ({ path, user, code }: { path: string; user: string; code: string }) => [
    `✗ The user ${user} cannot read ${path} (${code}), which pip is to install`,
    "→ Make it readable for that user, or name another path in RAY_EP_PIP_REQUIREMENTS.",
  ],
  "ray-not-found": ({ path }: { path: string | null }) =>
    path === null
      ? [
          "✗ No Ray in this image: use a base with Ray, or --build-arg RAY_VERSION=2.60.0",
          "→ Or name the folder that holds `ray` in RAY_EP_BIN_DIR.",
        ]
      : [
          `✗ There is no ray at ${path}`,
          "→ Install Ray there, or name the folder that holds it in RAY_EP_BIN_DIR.",
        ],
  "ray-not-executable": ({ file, code }: { file: string; code: string }) => [
    `✗ ${file} cannot be executed (${code})`,
    "→ Make it executable for the user that Ray runs as.",
  ],
  "no-head-in-time": (of: { waitedMs: number; results: readonly ProbeResult[]; why: string }) => [
    `✗ No HEAD after ${seconds(of.waitedMs)}: ${of.why}`,
    ...of.results.map((result) => `  ✗ ${renderProbe(result)}`),
    "→ Start the HEAD, or raise WAIT_FOR_HEAD; a restart policy tries again.",
  ],
  "version-differs": ({ head, theirs, ours }: OtherVersion) => [
    `✗ The HEAD at ${formatAddress(head)} runs Ray ${theirs}, this node Ray ${ours}`,
    "→ Give both the same version: Ray refuses mixed clusters.",
  ],
  "python-differs": ({ head, theirs, ours }: OtherVersion) => [
    `✗ The HEAD at ${formatAddress(head)} runs Python ${theirs}, this node Python ${ours}`,
    "→ Use the same Python version on every node: Ray refuses mixed clusters.",
  ],
  unauthorized: ({ head, detail }: { head: Address; detail: string }) => [
    `✗ The HEAD at ${formatAddress(head)} refuses this node's token: ${detail}`,
    "→ Set RAY_AUTH_MODE=token and the HEAD's own RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH).",
  ],
  "tls-differs": ({ head, result }: { head: Address; result: Extract<ProbeAnswer, { kind: "tls" }> }) => [
    `✗ ${formatAddress(head)} ${renderAnswer(result)}`,
    "→ Set RAY_USE_TLS, RAY_TLS_SERVER_CERT, RAY_TLS_SERVER_KEY and RAY_TLS_CA_CERT on every node. One CA signs all certificates, and each has its node's name and address.",
  ],
  "duplicate-name": ({ node, message }: Named) => [
    `✗ Two nodes are named ${node}: ${message}`,
    "→ Give each node its own hostname.",
  ],
  "not-a-candidate": ({ node, message }: Named) => [
    `✗ The health service does not accept ${node} as a candidate: ${message}`,
    "→ Give the health service and the nodes the same HEAD_WHITELIST.",
  ],
  "pip-failed": ({ file, exitCode }: { file: string; exitCode: number }) => [
    `✗ pip could not install ${file} (exit code ${exitCode}); see pip's output above`,
    "→ Correct the file, or the network that pip needs.",
  ],
  /** `ranMs`: how long it had run; it never became ready. */
  "ray-exited": (of: { exitCode: number | null; signal: string | null; ranMs: number }) => [
    `✗ Ray ended by itself before this node was ready, after ${seconds(of.ranMs)}: ${of.signal === null ? `exit code ${of.exitCode}` : `signal ${of.signal}`}`,
    "→ See Ray's output above; more is in session_latest/logs of its temporary folder (/tmp/ray).",
  ],
  /** `ranMs`: since Ray was started. `saw`: the raylet's last words. */
  "raylet-ended": ({ ranMs, saw }: { ranMs: number; saw: string | null }) => [
    `✗ Ray's raylet ended while this node was starting, after ${seconds(ranMs)}: ${saw ?? "it said nothing"}`,
    /Timed out waiting for file .*_port_/.test(saw ?? "")
      ? "→ Ray gives a node's agents 15 s to start, and no setting changes that (2.60): this machine was too busy, or Python starts slowly on it (a network disk, an import in a .pth file)."
      : "→ More is in session_latest/logs/raylet.out of Ray's temporary folder (/tmp/ray).",
  ],
  "port-taken": ({ address }: { address: Address }) => [
    `✗ ${formatAddress(address)} is taken: another process listens where this HEAD's GCS has to`,
    "→ End that process (ss -ltnp names it), or set RAY_HEAD_PORT.",
  ],
  "state-taken": ({ folder }: { folder: string }) => [
    `✗ Another Ray uses ${folder}, and has not ended`,
    "→ Give each node a folder of its own (RAY_EP_STATE_DIR), or end that Ray.",
  ],
  "state-unwritable": ({ folder, code }: { folder: string; code: string }) => [
    `✗ Ray's user cannot write in ${folder} (${code}), which may hold the state of a cluster`,
    "→ Make it writable, or make room; to start a new cluster instead, move the folder away (ws reset-state does).",
  ],
  "store-failed": ({ folder, saw }: { folder: string; saw: string }) => [
    `✗ Ray's GCS cannot use the state in ${folder}, which is kept: ${saw}`,
    "→ Make room on its disk; to start a new cluster instead, move the folder away (ws reset-state does).",
  ],
  "no-guard": ({ cause }: { cause: string }) => [
    `✗ Ray's guard cannot be started, and with strict fencing no HEAD starts without it: ${cause}`,
    "→ Check that this user can run /bin/bash and that this container may start more processes.",
  ],
  "too-many-restarts": ({ restarts }: { restarts: number }) => [
    `✗ Ray was restarted ${restarts} times without a calm minute; see the reason of each above`,
    "→ Fix the reason, or raise RAY_EP_MAX_RESTARTS.",
  ],
  "not-ready-in-time": ({ timeoutMs, why }: { timeoutMs: number; why: string }) => [
    `✗ The node was not ready after ${seconds(timeoutMs)}: ${why}`,
    "→ See Ray's output above; RAY_EP_READY_TIMEOUT gives it more time.",
  ],
};

export type Failure = Members<"reason", typeof FAILURES>;

/** In lines. */
export const renderFailure = (failure: Failure): string[] =>
  (FAILURES[failure.reason] as (failure: Failure) => string[])(failure);
