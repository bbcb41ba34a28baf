import { type Problem, renderProblems } from "../../common/failure.ts";
import { MEMBER_FAILURES } from "./member-failure-texts.ts";

/** A file that exists and must not be overwritten. */
export interface NotOurs {
  readonly file: string;
  readonly why: "changed by hand" | "not written by ws" | "not a regular file";
}

/** A TCP port that something else holds. */
export interface TakenPort {
  readonly host: string;
  readonly port: number;
  readonly use: string;
  readonly holder: string | undefined;
  readonly why?: string;
}

export type Lines = readonly string[];
type Texts<Name extends string> = { readonly [_ in Name]: string };
interface Ports {
  readonly ports: readonly TakenPort[];
}
/** Another program's own words or the last lines of a log, and the cause that they hint at. */
interface Said {
  readonly lines: Lines;
  readonly cause: string | undefined;
}
interface Left extends Ports {
  readonly processes: readonly { readonly pid: number; readonly what: string }[];
}
type Ended = Texts<"node" | "how" | "log"> & Said & { readonly exitCode?: number };
interface Late {
  readonly timeoutMs: number;
  readonly missing: readonly (Texts<"node" | "why"> & Said)[];
}

export const wantsToken = (at: string): string =>
  `The cluster requires a token: the GCS at ${at} refuses this ws, which has none or another one`;
export const TOKEN_WAY_OUT =
  "Set the cluster's RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH) in the shell or in .env; ws up then remembers it.";

/** All that `ws` expects to go wrong, by exit code and reason: the facts, and in words what failed, what was seen and what to do. */
export const FAILURES = {
  /** `ws up --dry-run` has shown its plan; another `ws up` was first, with other secrets. */
  0: { "only-planned": () => [], overtaken: () => [] },
  /** It would harm what runs, and the user has not agreed. */
  2: {
    ...MEMBER_FAILURES[2],
    "not-agreed": () => [
      "✗ Nothing was changed",
      "→ To go ahead: ws up --yes. To see the plan only: ws up --dry-run.",
    ],
    "state-in-use": ({ node }: Texts<"node">) => [
      `✗ ${node} runs, and writes to its state`,
      "→ Stop the cluster first: ws down. Its state stays.",
    ],
  },
  69: {
    "unsupported-platform": ({ platform }: Texts<"platform">) => [
      `✗ The embedded runtime needs Linux, but this is ${platform}: only on Linux is all of 127.0.0.0/8 local`,
      "→ Use --runtime docker, or a Linux virtual machine.",
    ],
    "no-such-uid": ({ uid }: { uid: number }) => [
      `✗ This system has no user with the id ${uid}, and Ray runs as the user who types ws`,
      "→ Add one to /etc/passwd, or run ws as a user that exists.",
    ],
    /** What it started may still run. */
    "engine-away": ({ why }: Texts<"why">) => [
      `✗ The last ws up used docker, but its engine cannot be reached now: ${why}`,
      "→ Start the engine, then run the command again; --runtime embedded selects the other cluster.",
    ],
    "runtime-not-available": ({ runtime, why }: Texts<"why" | "runtime">) => [
      `✗ The ${runtime} runtime cannot be used: ${why}`,
      "→ Use --runtime embedded, or leave the choice to ws.",
    ],
    "no-tool": ({ tool, fix }: Texts<"fix" | "tool">) => [
      `✗ There is no ${tool} on this machine`,
      `→ ${fix}`,
    ],
    "venv-failed": ({ folder, lines, cause, fix, ...ray }: Texts<"folder" | "fix" | "rayVersion"> & Said) => [
      `✗ Ray ${ray.rayVersion} could not be installed into ${folder}: ${cause}`,
      ...indent(lines),
      `→ ${fix} Then run the same command again.`,
    ],
  },
  74: {
    "io-failed": ({ path, message, fix }: Texts<"fix" | "path" | "message">) => [
      `✗ ${path} cannot be used: ${message}`,
      `→ ${fix}`,
    ],
  },
  75: {
    ...MEMBER_FAILURES[75],
    "engine-refused": ({ command, lines, cause }: Texts<"command"> & Said) => [
      `✗ The engine refused: ${command}`,
      ...indent(lines.slice(-LAST_WORDS)),
      ...likely(cause),
    ],
    "ports-taken": ({ ports }: Ports) => [
      "✗ Ports that the cluster needs are not free:",
      ...ports.map(renderPort),
      "→ Stop what holds them, or give the services other ports in config.yaml.",
    ],
    "lock-failed": ({ file, lines }: Texts<"file"> & { lines: Lines }) => [
      `✗ ${file} cannot be locked`,
      ...lines.map((line) => `    ${line}`),
      "→ Use a state folder on a local file system (--state).",
    ],
    /** `exitCode`: the node's own, where `ws` ends with it too. */
    "node-ended": ({ node, how, lines, log, cause }: Ended) => [
      `✗ ${node} ended before it was ready: ${how}. Its last lines:`,
      ...indent(lines),
      ...likely(cause),
      `→ The whole log: ${log}`,
    ],
    "not-ready-in-time": ({ timeoutMs, missing }: Late) => [
      `✗ Not ready after ${(timeoutMs / 1000).toFixed(0)} s:`,
      ...missing.flatMap(({ node, why, lines, cause }) => [
        `  ✗ ${node}: ${why}`,
        ...indent(lines),
        ...likely(cause).map((line) => `  ${line}`),
      ]),
      "→ Look at its log (ws logs NODE), or give it more time with --timeout SECONDS.",
    ],
    /** Every node was ALIVE, and some no longer are. */
    "not-alive": ({ nodes }: { nodes: readonly { readonly node: string; readonly state: string }[] }) => [
      "✗ Every node was ALIVE, but these no longer are:",
      ...nodes.map(({ node, state }) => `  ✗ ${node}: ${state}`),
      "→ Look at its log: ws logs NODE; then run ws up again.",
    ],
    "not-running": ({ what, fix }: Texts<"fix" | "what">) => [`✗ ${what}`, `→ ${fix}`],
    "job-not-submitted": () => [
      "✗ The job was not submitted; the lines above say why",
      "→ Correct what they name, then run the command again.",
    ],
    "job-goes-on": ({ job, status }: Texts<"job" | "status">) => [
      `✗ ${job} is ${status}, but its log can no longer be followed`,
      `→ ws shell -- ray job logs --follow ${job}; to end it: ws shell -- ray job stop ${job}`,
    ],
    "left-over": ({ processes, ports }: Left) => [
      "✗ Parts of this cluster are still there:",
      ...processes.map(({ pid, what }) => `  ✗ process ${pid}: ${what}`),
      ...ports.map(renderPort),
      "→ Run ws down again; a process in state D waits for the kernel.",
    ],
  },
  77: {
    "unsafe-folder": ({ folder, why }: Texts<"folder" | "why">) => [
      `✗ ${folder} cannot be used: ${why}`,
      "→ Remove it, or give ws another folder (--state, WS_VENV_DIR).",
    ],
    "not-our-files": ({ files }: { files: readonly NotOurs[] }) => [
      "✗ ws overwrites only what it wrote itself:",
      ...files.map(({ file, why }) => `  ✗ ${file}: ${why}`),
      "→ Move it away or remove it (your settings belong in config.yaml), then run the command again.",
    ],
    /** Containers of this project.name that were started from another folder's config.yaml. */
    "started-elsewhere": ({ project, folders }: Texts<"project"> & { folders: Lines }) => [
      `✗ The running cluster ${project} was started from ${folders.join(", ")}, not from here`,
      "→ Run ws down there, or ws down --yes here to take it down anyway.",
    ],
  },
  78: {
    ...MEMBER_FAILURES[78],
    "bad-settings": ({ file, problems }: Texts<"file"> & { problems: readonly Problem[] }) =>
      renderProblems(`${file} is wrong`, problems),
    "config-unreadable": ({ file, why, fix }: Texts<"file" | "why" | "fix">) => [
      `✗ ${file} cannot be read: ${why}`,
      `→ ${fix}`,
    ],
    "no-such-node": ({ node, known }: Texts<"node"> & { known: Lines }) => [
      `✗ There is no node "${node}"`,
      `→ Known nodes: ${known.join(", ")}`,
    ],
    "head-not-usable": ({ head, why }: Texts<"why" | "head">) => [
      `✗ --head ${head}: ${why}`,
      "→ Give a node's name or host:port, such as ray-cpu:6379.",
    ],
    "token-refused": ({ at }: Texts<"at">) => [`✗ ${wantsToken(at)}`, `→ ${TOKEN_WAY_OUT}`],
  },
  /** By the signal. */
  130: { interrupted: (_: { signal: "SIGINT" | "SIGTERM" | "SIGHUP" }) => ["✗ Interrupted"] },
} as const satisfies Record<number, Record<string, (facts: never) => Lines>>;

const LAST_WORDS = 20;
/** A minified stack trace would bury everything else. */
const MAX_LINE = 400;

const indent = (lines: Lines): string[] =>
  lines.map((line) => `    ${line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)} …` : line}`);

const likely = (cause: string | undefined): string[] =>
  cause === undefined ? [] : [`→ Likely cause: ${cause}`];

const renderPort = ({ host, port, use, holder, why }: TakenPort): string =>
  `  ✗ ${host}:${port} (${use})${why === undefined ? "" : ` ${why}`}${holder === undefined ? "" : ` is held by ${holder}`}`;
