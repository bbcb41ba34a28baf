import type { Problem } from "../common/failure.ts";
import { renderProblems } from "../common/output/render-failure.ts";
import type { NotOurs } from "./compose/own-file.ts";
import { printLines, type Terminal } from "./output/terminal.ts";

/** How `ws` ends when no failure says otherwise (sysexits.h where it has a number; docs/ws.md, "Exit codes"). */
export const EXIT = {
  ok: 0,
  /** A check of `ws test` does not hold, or `ws ps` sees a node that is not ALIVE. */
  notAllWell: 1,
  usage: 64,
} as const;

export const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** A TCP port that something else holds. */
export interface TakenPort {
  readonly host: string;
  readonly port: number;
  /** What we want it for. */
  readonly use: string;
  /** Who holds it, as far as that can be seen. */
  readonly holder: string | undefined;
  /** Why it cannot be had where nobody holds it. */
  readonly why?: string;
}

interface Late {
  readonly node: string;
  readonly why: string;
  readonly lines: readonly string[];
  readonly cause: string | undefined;
}

type Lines = readonly string[];

export const wantsToken = (at: string): string =>
  `The cluster requires a token: the GCS at ${at} refuses this ws, which has none or another one`;
export const TOKEN_WAY_OUT =
  "Set the cluster's RAY_AUTH_MODE=token and RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH) in the shell or in .env; ws up then remembers them.";

/** All that `ws` expects to go wrong, by exit code and reason: the facts, and what failed, was seen and has to be done. */
const FAILURES = {
  /** `ws up --dry-run` has shown its plan; another `ws up` was first, with other secrets. */
  0: { "only-planned": () => [], overtaken: () => [] },
  /** `ws up` would replace or stop what runs, and the user has not agreed. */
  2: {
    "not-agreed": () => [
      "✗ Nothing was changed",
      "→ To go ahead: ws up --yes. To see only the plan: ws up --dry-run.",
    ],
  },
  69: {
    "unsupported-platform": ({ platform }: { platform: string }) => [
      `✗ The embedded runtime needs Linux, this is ${platform}: only there is all of 127.0.0.0/8 this machine's own`,
      "→ Use --runtime docker, or a Linux virtual machine.",
    ],
    "no-such-uid": ({ uid }: { uid: number }) => [
      `✗ This system has no user with the id ${uid}, and Ray is to run as the user who types ws`,
      "→ Add one to /etc/passwd, or run ws as a user that exists.",
    ],
    /** What it started may still run. */
    "engine-away": ({ why }: { why: string }) => [
      `✗ The last ws up used docker, and its engine is not to be reached now: ${why}`,
      "→ Start the engine, then run the command again; --runtime embedded is for the other cluster.",
    ],
    "runtime-not-available": ({ runtime, why }: { runtime: string; why: string }) => [
      `✗ The ${runtime} runtime cannot be used: ${why}`,
      "→ Use --runtime embedded, or leave the choice to ws.",
    ],
    "no-tool": ({ tool, fix }: { tool: string; fix: string }) => [
      `✗ There is no ${tool} on this machine`,
      `→ ${fix}`,
    ],
    "venv-failed": (facts: {
      folder: string;
      rayVersion: string;
      lines: Lines;
      cause: string;
      fix: string;
    }) => [
      `✗ Ray ${facts.rayVersion} could not be installed into ${facts.folder}: ${facts.cause}`,
      ...indent(facts.lines),
      `→ ${facts.fix} Then run the same command again.`,
    ],
  },
  74: {
    /** `message`: the system's own words. It names no path where a disk is full. */
    "io-failed": ({ path, code, message }: { path: string | undefined; code: string; message: string }) => [
      `✗ ${path ?? "A file"} cannot be used: ${message}`,
      `→ ${WAY_OUT[code] ?? "Mend that, then run the command again."}`,
    ],
  },
  75: {
    /** `lines`: the words of Docker or compose; the end says it best. */
    "engine-refused": ({
      command,
      lines,
      cause,
    }: {
      command: string;
      lines: Lines;
      cause: string | undefined;
    }) => [`✗ The engine refused: ${command}`, ...indent(lines.slice(-LAST_WORDS)), ...likely(cause)],
    "machine-not-ready": ({ problems }: { problems: readonly Problem[] }) =>
      renderProblems("This machine is not ready for the cluster", problems),
    "ports-taken": ({ ports }: { ports: readonly TakenPort[] }) => [
      "✗ Ports that the cluster needs cannot be had:",
      ...ports.map(renderPort),
      "→ Stop what holds them, or give the services other ports in config.yaml.",
    ],
    "lock-failed": ({ file, lines }: { file: string; lines: Lines }) => [
      `✗ ${file} cannot be locked`,
      ...lines.map((line) => `    ${line}`),
      "→ Use a state folder on a local file system (--state).",
    ],
    "node-ended": (facts: {
      node: string;
      how: string;
      lines: Lines;
      log: string;
      cause: string | undefined;
    }) => [
      `✗ ${facts.node} ended before it was ready: ${facts.how}. Its last lines:`,
      ...indent(facts.lines),
      ...likely(facts.cause),
      `→ The whole log: ${facts.log}`,
    ],
    "not-ready-in-time": ({ timeoutMs, missing }: { timeoutMs: number; missing: readonly Late[] }) => [
      `✗ Not ready after ${(timeoutMs / 1000).toFixed(0)} s:`,
      ...missing.flatMap(({ node, why, lines, cause }) => [
        `  ✗ ${node}: ${why}`,
        ...indent(lines),
        ...likely(cause).map((line) => `  ${line}`),
      ]),
      "→ Look at its log (ws logs NODE), or give it more time with --timeout SECONDS.",
    ],
    /** Every node was ALIVE, and some are not any more. */
    "not-alive": ({ nodes }: { nodes: readonly { readonly node: string; readonly state: string }[] }) => [
      "✗ Every node was ALIVE, and now not all of them are:",
      ...nodes.map(({ node, state }) => `  ✗ ${node}: ${state}`),
      "→ Look at its log: ws logs NODE; then run ws up again.",
    ],
    "not-running": ({ what, fix }: { what: string; fix: string }) => [`✗ ${what}`, `→ ${fix}`],
    "left-over": ({
      processes,
      ports,
    }: {
      processes: readonly LeftProcess[];
      ports: readonly TakenPort[];
    }) => [
      "✗ Something of this cluster is still there:",
      ...processes.map(({ pid, what }) => `  ✗ process ${pid}: ${what}`),
      ...ports.map(renderPort),
      "→ Run ws down again; a process in state D waits for the kernel.",
    ],
  },
  77: {
    "unsafe-folder": ({ folder, why }: { folder: string; why: string }) => [
      `✗ ${folder} cannot be used: ${why}`,
      "→ Remove it, or give ws another folder (--state, WS_VENV_DIR).",
    ],
    "not-our-files": ({ files }: { files: readonly NotOurs[] }) => [
      "✗ ws overwrites only what it wrote itself:",
      ...files.map(({ file, why }) => `  ✗ ${file}: ${why}`),
      "→ Move it away or remove it (your settings belong in config.yaml), then run the command again.",
    ],
    /** Containers of this project.name that were started from another folder's config.yaml. */
    "started-elsewhere": ({ project, folders }: { project: string; folders: Lines }) => [
      `✗ The running cluster ${project} was started from ${folders.join(", ")}, not from here`,
      "→ Run ws down there, or ws down --yes here to take it down all the same.",
    ],
  },
  78: {
    "bad-settings": ({ file, problems }: { file: string; problems: readonly Problem[] }) =>
      renderProblems(`${file} is wrong`, problems),
    "config-unreadable": ({ file, why, fix }: { file: string; why: string; fix: string }) => [
      `✗ ${file} cannot be read: ${why}`,
      `→ ${fix}`,
    ],
    "no-such-node": ({ node, known }: { node: string; known: Lines }) => [
      `✗ There is no node "${node}"`,
      `→ Known are: ${known.join(", ")}`,
    ],
    "head-not-usable": ({ head, why }: { head: string; why: string }) => [
      `✗ --head ${head}: ${why}`,
      "→ Give a node's name or host:port, such as ray-cpu:6379.",
    ],
    "token-refused": ({ at }: { at: string }) => [`✗ ${wantsToken(at)}`, `→ ${TOKEN_WAY_OUT}`],
  },
  /** By the signal. */
  130: { interrupted: (_: { signal: keyof typeof SIGNAL_CODES }) => ["✗ Interrupted"] },
} as const satisfies Record<number, Record<string, (facts: never) => Lines>>;

interface LeftProcess {
  readonly pid: number;
  readonly what: string;
}

type FailuresOf<Texts> = {
  [R in keyof Texts]: { readonly reason: R } & (Texts[R] extends (facts: infer Facts) => Lines
    ? Readonly<Facts>
    : never);
}[keyof Texts];
type Table = typeof FAILURES;

/** What `ws` expects to go wrong. */
export type WsFailure = { [Code in keyof Table]: FailuresOf<Table[Code]> }[keyof Table];

const LAST_WORDS = 20;
/** A minified stack trace would bury everything else. */
const LONGEST_LINE = 400;

const indent = (lines: Lines): string[] =>
  lines.map((line) => `    ${line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)} …` : line}`);

const likely = (cause: string | undefined): string[] =>
  cause === undefined ? [] : [`→ Likely cause: ${cause}`];

const renderPort = ({ host, port, use, holder, why }: TakenPort): string =>
  `  ✗ ${host}:${port} (${use})${why === undefined ? "" : ` ${why}`}${holder === undefined ? "" : ` is held by ${holder}`}`;

const NO_WRITING = "Give this user the right to write there, or name another folder (--state, --report).";
const NO_FOLDER =
  "Something on that path is no folder; remove it, or name another folder (--state, --report).";

/** What the system's error codes ask for. */
const WAY_OUT: Readonly<Record<string, string>> = {
  EACCES: NO_WRITING,
  EPERM: NO_WRITING,
  EROFS: "That file system is read-only; name another folder (--state, --report).",
  ENOSPC: "The disk is full (df -h): make room, then run the command again.",
  EDQUOT: "This user's share of the disk is used up: make room, then run the command again.",
  ENOTDIR: NO_FOLDER,
  EEXIST: NO_FOLDER,
  EISDIR: "Remove that folder, or name another (--state, --report).",
  ENAMETOOLONG: "Name a folder with a shorter path (--state).",
  EMFILE: "Too many files are open (ulimit -n).",
};

/** What a machine may do to any file (errno(3)). Another code, or none, is a bug of ours. */
const EXPECTED = new Set([...Object.keys(WAY_OUT), "ENFILE", "EIO", "ELOOP", "EBUSY", "ETXTBSY"]);

/** An exception of the file system as a failure; undefined where it is another. Pure. */
export function ioFailure(error: unknown): WsFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === undefined || !EXPECTED.has(code)) return undefined;
  return { reason: "io-failed", path, code, message };
}

/** The failure of a job whose signal was aborted; `ws` aborts with the name of the signal as the reason. */
export const interrupted = ({ reason }: AbortSignal): WsFailure => ({
  reason: "interrupted",
  signal: reason === "SIGTERM" || reason === "SIGHUP" ? reason : "SIGINT",
});

/** What failed in words, and the exit code. Pure. */
export function describeFailure(failure: WsFailure): { readonly lines: Lines; readonly code: number } {
  for (const [code, texts] of Object.entries<Record<string, (facts: never) => Lines>>(FAILURES)) {
    const lines = texts[failure.reason]?.(failure as never);
    if (lines !== undefined)
      return { lines, code: failure.reason === "interrupted" ? SIGNAL_CODES[failure.signal] : Number(code) };
  }
  throw new Error(`unreachable: ${failure.reason}`);
}

/** Says why a command failed and returns its exit code. */
export function fail({ terminal }: { readonly terminal: Pick<Terminal, "err"> }, failure: WsFailure): number {
  const { lines, code } = describeFailure(failure);
  printLines(terminal.err, lines);
  return code;
}
