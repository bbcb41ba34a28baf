import { unreachable } from "../../common/result.ts";
import type { WsFailure } from "../failure.ts";

type Surroundings = Extract<
  WsFailure,
  { reason: "io-failed" | "no-such-uid" | "engine-away" | "lock-failed" }
>;

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

/** What around the cluster stands in the way. */
export function renderSurroundings(failure: Surroundings): string[] {
  switch (failure.reason) {
    case "io-failed":
      return [
        `✗ ${failure.path ?? "A file"} cannot be used: ${failure.message}`,
        `→ ${WAY_OUT[failure.code] ?? "Mend that, then run the command again."}`,
      ];
    case "no-such-uid":
      return [
        `✗ This system has no user with the id ${failure.uid}, and Ray is to run as the user who types ws`,
        "→ Add one to /etc/passwd, or run ws as a user that exists.",
      ];
    case "engine-away":
      return [
        `✗ The last ws up used docker, and its engine is not to be reached now: ${failure.why}`,
        "→ Start the engine, then run the command again; --runtime embedded is for the other cluster.",
      ];
    case "lock-failed":
      return [
        `✗ ${failure.file} cannot be locked`,
        ...failure.lines.map((line) => `    ${line}`),
        "→ Use a state folder on a local file system (--state).",
      ];
    default:
      return unreachable(failure);
  }
}
