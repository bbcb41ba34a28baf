import { renderProblems } from "../../common/failure.ts";
import { unreachable } from "../../common/result.ts";
import type { TakenPort, WsFailure } from "../failure.ts";
import { renderSurroundings } from "./render-surroundings.ts";

/** Compose repeats itself; the end says it best. */
const LAST_WORDS = 20;

/** A minified stack trace would bury everything else. */
const LONGEST_LINE = 400;

const indent = (lines: readonly string[]): string[] =>
  lines.map((line) => `    ${line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)} …` : line}`);

/** What failed, what was seen, and what to do: one or more lines. */
export function renderFailure(failure: WsFailure): string[] {
  switch (failure.reason) {
    case "bad-settings":
      return renderProblems(`${failure.file} is wrong`, failure.problems);
    case "unsupported-platform":
      return [
        `✗ The embedded runtime needs Linux, this is ${failure.platform}: only there is all of 127.0.0.0/8 this machine's own`,
        "→ Use --runtime docker, or a Linux virtual machine.",
      ];
    case "runtime-not-available":
      return [
        `✗ The ${failure.runtime} runtime cannot be used: ${failure.why}`,
        "→ Use --runtime embedded, or leave the choice to ws.",
      ];
    case "no-tool":
      return [`✗ There is no ${failure.tool} on this machine`, `→ ${failure.fix}`];
    case "venv-failed":
      return [
        `✗ Ray ${failure.rayVersion} could not be installed into ${failure.folder}: ${failure.cause}`,
        ...indent(failure.lines),
        `→ ${failure.fix} Then run the same command again.`,
      ];
    case "engine-refused":
      return [
        `✗ The engine refused: ${failure.command}`,
        ...indent(failure.lines.slice(-LAST_WORDS)),
        ...(failure.cause === undefined ? [] : [`→ Likely cause: ${failure.cause}`]),
      ];
    case "config-unreadable":
      return [`✗ ${failure.file} cannot be read: ${failure.why}`, `→ ${failure.fix}`];
    case "io-failed":
    case "no-such-uid":
    case "engine-away":
    case "lock-failed":
      return renderSurroundings(failure);
    case "machine-not-ready":
      return renderProblems("This machine is not ready for the cluster", failure.problems);
    case "interrupted":
      return ["✗ Interrupted"];
    default:
      return renderClusterFailure(failure);
  }
}

type ClusterFailure = Exclude<
  WsFailure,
  {
    reason:
      | "bad-settings"
      | "config-unreadable"
      | "io-failed"
      | "no-such-uid"
      | "engine-away"
      | "lock-failed"
      | "unsupported-platform"
      | "runtime-not-available"
      | "no-tool"
      | "venv-failed"
      | "engine-refused"
      | "machine-not-ready"
      | "interrupted";
  }
>;

/** The same wherever it is seen. */
export const wantsToken = (at: string): string =>
  `The cluster requires a token: the GCS at ${at} refuses this ws, which has none or another one`;
export const TOKEN_WAY_OUT =
  "Set the cluster's RAY_AUTH_MODE=token and RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH) in the shell or in .env; ws up then remembers them.";

const renderPort = ({ host, port, use, holder, why }: TakenPort): string =>
  `  ✗ ${host}:${port} (${use})${why === undefined ? "" : ` ${why}`}${holder === undefined ? "" : ` is held by ${holder}`}`;

function renderClusterFailure(failure: ClusterFailure): string[] {
  switch (failure.reason) {
    case "ports-taken":
      return [
        "✗ Ports that the cluster needs cannot be had:",
        ...failure.ports.map(renderPort),
        "→ Stop what holds them, or give the services other ports in config.yaml.",
      ];
    case "node-ended":
      return [
        `✗ ${failure.node} ended before it was ready: ${failure.how}. Its last lines:`,
        ...indent(failure.lines),
        ...(failure.cause === undefined ? [] : [`→ Likely cause: ${failure.cause}`]),
        `→ The whole log: ${failure.log}`,
      ];
    case "not-ready-in-time":
      return [
        `✗ Not ready after ${(failure.timeoutMs / 1000).toFixed(0)} s:`,
        ...failure.missing.flatMap(({ node, why, lines, cause }) => [
          `  ✗ ${node}: ${why}`,
          ...indent(lines),
          ...(cause === undefined ? [] : [`  → Likely cause: ${cause}`]),
        ]),
        "→ Look at its log (ws logs NODE), or give it more time with --timeout SECONDS.",
      ];
    case "not-alive":
      return [
        "✗ Every node was ALIVE, and now not all of them are:",
        ...failure.nodes.map(({ node, state }) => `  ✗ ${node}: ${state}`),
        "→ Look at its log: ws logs NODE; then run ws up again.",
      ];
    case "no-such-node":
      return [`✗ There is no node "${failure.node}"`, `→ Known are: ${failure.known.join(", ")}`];
    case "not-running":
      return [`✗ ${failure.what}`, `→ ${failure.fix}`];
    case "head-not-usable":
      return [
        `✗ --head ${failure.head}: ${failure.why}`,
        "→ Give a node's name or host:port, such as ray-cpu:6379.",
      ];
    case "token-refused":
      return [`✗ ${wantsToken(failure.at)}`, `→ ${TOKEN_WAY_OUT}`];
    case "left-over":
      return [
        "✗ Something of this cluster is still there:",
        ...failure.processes.map(({ pid, what }) => `  ✗ process ${pid}: ${what}`),
        ...failure.ports.map(renderPort),
        "→ Run ws down again; a process in state D waits for the kernel.",
      ];
    case "started-elsewhere":
      return [
        `✗ The running cluster ${failure.project} was started from ${failure.folders.join(", ")}, not from here`,
        "→ Run ws down there, or ws down --yes here to take it down all the same.",
      ];
    case "not-agreed":
      return ["✗ Nothing was changed", "→ To go ahead: ws up --yes. To see only the plan: ws up --dry-run."];
    case "only-planned":
    case "overtaken":
      return [];
    case "not-our-files":
      return [
        "✗ ws overwrites only what it wrote itself:",
        ...failure.files.map(({ file, why }) => `  ✗ ${file}: ${why}`),
        "→ Move it away or remove it (your settings belong in config.yaml), then run the command again.",
      ];
    case "unsafe-folder":
      return [
        `✗ ${failure.folder} cannot be used: ${failure.why}`,
        "→ Remove it, or give ws another folder (--state, WS_VENV_DIR).",
      ];
    default:
      return unreachable(failure);
  }
}
