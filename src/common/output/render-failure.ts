import { formatAddress } from "../address.ts";
import type { Failure, Problem } from "../failure.ts";
import { unreachable } from "../result.ts";
import { renderProbe, renderTls } from "./render-probe.ts";

/** A list of problems, all of them: where, what was expected and got, and the way out. */
export function renderProblems(what: string, problems: readonly Problem[]): string[] {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return [
    `✗ ${what}: ${count}`,
    ...problems.flatMap(({ where, problem, fix }) => [`  ✗ ${where}: ${problem}`, `    → ${fix}`]),
  ];
}

/** The same for warnings: the program goes on. */
export const renderWarnings = (what: string, warnings: readonly Problem[]): string[] => [
  `→ ${what}:`,
  ...warnings.flatMap(({ where, problem, fix }) => [
    `  → ${where}: ${problem}`,
    ...(fix === "" ? [] : [`    ${fix}`]),
  ]),
];

/** What failed, cause by cause, and what to do: the first line stands alone, the others explain it. */
export function renderFailure(failure: Failure): string[] {
  switch (failure.reason) {
    case "bad-command-line":
      return renderProblems("The command line is wrong", failure.problems);
    case "bad-configuration":
      return renderProblems("The environment is wrong", failure.problems);
    case "no-such-user":
      return [
        `✗ This system has no user "${failure.user}" for Ray to run as`,
        "→ Set RAY_EP_USER to the name of a user that exists, or to a uid, such as 1000.",
      ];
    case "wrong-user":
      return [
        `✗ Ray is to run as the user ${failure.wanted}, but this program runs as ${failure.user}, which cannot change users`,
        failure.user === "root"
          ? "→ Give the container the capabilities SETUID and SETGID, start it as that user, or set RAY_EP_USER=root."
          : `→ Start it as ${failure.wanted} or as root, or leave RAY_EP_USER out: then Ray runs as ${failure.user}.`,
      ];
    case "requirements-unreadable":
      return [
        `✗ The user ${failure.user} cannot read ${failure.path} (${failure.code}), from which pip is to install`,
        "→ Make it readable for that user, or name another path in RAY_EP_PIP_REQUIREMENTS.",
      ];
    case "ray-not-found":
      return [
        `✗ There is no ray at ${failure.path}`,
        "→ Install Ray there, or name the folder that holds it in RAY_EP_BIN_DIR.",
      ];
    case "ray-not-executable":
      return [
        `✗ ${failure.file} cannot be executed (${failure.code})`,
        "→ Make it executable for the user that Ray runs as.",
      ];
    case "no-head-in-time":
      return [
        `✗ No HEAD after ${seconds(failure.waitedMs)}: ${failure.why}`,
        ...failure.results.map((result) => `  ✗ ${renderProbe(result)}`),
        "→ Start the HEAD, or raise WAIT_FOR_HEAD; a restart policy tries again.",
      ];
    default:
      return renderNodeFailure(failure);
  }
}

type NodeFailure = Exclude<
  Failure,
  {
    reason:
      | "bad-command-line"
      | "bad-configuration"
      | "no-such-user"
      | "wrong-user"
      | "requirements-unreadable"
      | "ray-not-found"
      | "ray-not-executable"
      | "no-head-in-time";
  }
>;

function renderNodeFailure(failure: NodeFailure): string[] {
  switch (failure.reason) {
    case "version-differs":
      return [
        `✗ The HEAD at ${formatAddress(failure.head)} runs Ray ${failure.theirs}, this node Ray ${failure.ours}`,
        "→ Give both the same version: Ray refuses mixed clusters.",
      ];
    case "python-differs":
      return [
        `✗ The HEAD at ${formatAddress(failure.head)} runs Python ${failure.theirs}, this node Python ${failure.ours}`,
        "→ Use the same Python version on every node: Ray refuses mixed clusters.",
      ];
    case "unauthorized":
      return [
        `✗ The HEAD at ${formatAddress(failure.head)} refuses this node's token: ${failure.detail}`,
        "→ Set RAY_AUTH_MODE=token and the HEAD's own RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH).",
      ];
    case "tls-differs":
      return [
        `✗ ${formatAddress(failure.head)} ${renderTls(failure.result)}`,
        "→ Set RAY_USE_TLS, RAY_TLS_SERVER_CERT, RAY_TLS_SERVER_KEY and RAY_TLS_CA_CERT on every node. One CA signs all certificates, and each has its node's name and address.",
      ];
    case "duplicate-name":
      return [
        `✗ Two nodes are named ${failure.node}: ${failure.message}`,
        "→ Give each node its own hostname.",
      ];
    case "not-a-candidate":
      return [
        `✗ The health service does not take ${failure.node} for a candidate: ${failure.message}`,
        "→ Give the health service and the nodes the same HEAD_WHITELIST.",
      ];
    case "pip-failed":
      return [
        `✗ pip could not install ${failure.file} (exit code ${failure.exitCode}); see pip's output above`,
        "→ Correct the file, or the network that pip needs.",
      ];
    case "ray-exited":
      return [
        `✗ Ray ended by itself before this node was ready, after ${seconds(failure.ranMs)}: ${failure.signal === null ? `exit code ${failure.exitCode}` : `signal ${failure.signal}`}`,
        "→ See Ray's output above; more is in session_latest/logs of its temporary folder (/tmp/ray).",
      ];
    case "port-taken":
      return [
        `✗ ${formatAddress(failure.address)} is taken: another process listens where this HEAD's GCS has to`,
        "→ End that process (ss -ltnp names it), or set RAY_HEAD_PORT.",
      ];
    case "no-guard":
      return [
        `✗ Ray's guard cannot be started, and with strict fencing no HEAD starts without it: ${failure.cause}`,
        "→ Check that this user can run /bin/bash and that this container may start more processes.",
      ];
    case "too-many-restarts":
      return [
        `✗ Ray was restarted ${failure.restarts} times without a calm minute; see the reason of each above`,
        "→ Fix the reason, or raise RAY_EP_MAX_RESTARTS.",
      ];
    case "not-ready-in-time":
      return [
        `✗ The node was not ready after ${seconds(failure.timeoutMs)}: ${failure.why}`,
        "→ See Ray's output above; RAY_EP_READY_TIMEOUT gives it more time.",
      ];
    default:
      return unreachable(failure);
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
