import { renderProblems } from "../../common/failure.ts";
import { unreachable } from "../../common/result.ts";
import type { Event, ServiceFailure } from "./event.ts";

/** One event in words, one line each. */
export function render(event: Event): string[] {
  switch (event.type) {
    case "started":
      return renderStarted(event);
    case "memory":
      return renderMemory(event);
    case "granted":
      return [renderGranted(event)];
    case "refused":
      return [`✗ Head lease refused to ${event.node} (${event.reason}): ${event.message}`];
    case "released":
      return [`→ ${event.node} released the head lease, epoch ${event.epoch}`];
    case "storage":
      return event.ok
        ? [`✓ The state is kept on disk again: ${event.file}`]
        : [
            `✗ The state cannot be kept on disk: ${event.cause}`,
            "→ No head lease is granted until it can; a running HEAD goes on.",
          ];
    case "turned-away":
      return [`✗ ${event.method} ${event.path} from ${event.from} refused: ${event.cause}`];
    case "reach":
      return [renderReach(event)];
    case "bug":
      return [`✗ A bug at ${event.where}: ${event.detail}`];
    case "stopping":
      return [`→ ${event.signal} received, stopping`];
    case "failed":
      return renderFailure(event.failure);
    default:
      return unreachable(event);
  }
}

type Of<T extends Event["type"]> = Extract<Event, { type: T }>;

function renderStarted(event: Of<"started">): string[] {
  const { version, host, port, ttlMs, stateDir, whitelist, tokenWanted } = event;
  return [
    `✓ Health service ${version} listens on http://${host}:${port}`,
    [
      `→ head lease: ${ttlMs / 1000} s`,
      stateDir === null ? "in memory" : `kept in ${stateDir}`,
      whitelist === null ? "for every node" : `for ${whitelist.join(", ")}`,
      tokenWanted ? "writes need the token" : "writes are open",
    ].join(", "),
  ];
}

function renderMemory(event: Of<"memory">): string[] {
  switch (event.kind) {
    case "kept":
      return [`→ Remembered epoch ${event.epoch}, held by ${event.holder ?? "nobody"}`];
    case "none":
      return [
        `→ No memory of an earlier run: where a candidate is out of sight, a HEAD has ${event.ttlMs / 1000} s to present itself`,
      ];
    case "damaged":
      return [
        `✗ The kept state cannot be used: ${event.detail}`,
        `→ It goes on as without memory, above epoch ${event.epoch}; a HEAD that lives will present itself.`,
      ];
    default:
      return unreachable(event);
  }
}

function renderGranted({ how, node, address, epoch, before }: Of<"granted">): string {
  const who = `${node} at ${address}, epoch ${epoch}`;
  const after = before === null ? "" : `, after ${before}`;
  if (how === "grant") return `✓ Head lease granted to ${who}${after}`;
  if (how === "recognition") return `→ Head lease confirmed to ${who}: it holds it already`;
  return `✓ Living HEAD recognised: ${who}${after}`;
}

function renderReach({ node, answer }: Of<"reach">): string {
  const mark = answer.result === "reached" ? "✓" : "✗";
  const from = answer.from === null ? "" : ` from ${answer.from}`;
  const address = answer.address === null ? "" : ` (${answer.address})`;
  return `${mark} Dial back to ${node} at ${answer.to ?? "no address"}${address}${from}: ${answer.result}, ${answer.message}`;
}

function renderFailure(failure: ServiceFailure): string[] {
  switch (failure.reason) {
    case "bad-command-line":
      return renderProblems("The command line is wrong", failure.problems);
    case "bad-configuration":
      return renderProblems("The environment is wrong", failure.problems);
    case "cannot-listen":
      return [
        `✗ Cannot listen on ${failure.host}:${failure.port}: ${LISTEN_CAUSES[failure.code] ?? failure.code}`,
        "→ Set RAY_EP_HEALTH_HOST and RAY_EP_HEALTH_PORT to an address that is free on this machine.",
      ];
    case "state-unreadable":
      return [
        `✗ The state that was kept cannot be read: ${failure.cause}`,
        `→ Make ${failure.file} readable for this user, or remove it where no HEAD lives: the epoch in it must not go back.`,
      ];
    default:
      return unreachable(failure);
  }
}

const LISTEN_CAUSES: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EADDRNOTAVAIL: "this machine does not have that address",
  EACCES: "this user may not listen on that port",
  ENOTFOUND: "the name does not resolve",
  EAI_AGAIN: "the name does not resolve",
};
