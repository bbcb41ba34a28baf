import { unreachable } from "../common/result.ts";
import type { WsFailure } from "./failure.ts";

/** How `ws` ends when no failure says otherwise (sysexits.h where it has a number; docs/ws.md, "Exit codes"). */
export const EXIT = {
  ok: 0,
  /** A check of `ws test` does not hold, or `ws ps` sees a node that is not ALIVE. */
  notAllWell: 1,
  /** Running services would have to be replaced or stopped, and the user has not agreed. */
  notAgreed: 2,
  usage: 64,
} as const;

/** The exit code of each failure. Pure. */
export function exitCodeOf(failure: WsFailure): number {
  switch (failure.reason) {
    case "bad-settings":
    case "config-unreadable":
    case "no-such-node":
    case "head-not-usable":
    case "token-refused":
      return 78;
    case "unsupported-platform":
    case "no-tool":
    case "venv-failed":
    case "runtime-not-available":
    case "engine-away":
    case "no-such-uid":
      return 69;
    case "io-failed":
      return 74;
    case "engine-refused":
    case "machine-not-ready":
    case "ports-taken":
    case "node-ended":
    case "not-ready-in-time":
    case "not-alive":
    case "lock-failed":
    case "not-running":
    case "left-over":
      return 75;
    case "not-agreed":
      return EXIT.notAgreed;
    case "only-planned":
    case "overtaken":
      return EXIT.ok;
    case "unsafe-folder":
    case "not-our-files":
    case "started-elsewhere":
      return 77;
    case "interrupted":
      return { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[failure.signal];
    default:
      return unreachable(failure);
  }
}
