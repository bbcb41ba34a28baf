import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { err, ok, type Result } from "../../../common/result.ts";
import type { WsFailure } from "../../failure.ts";

/** Where a cluster keeps its things. */
export interface Folders {
  /** Names the cluster: its processes carry it, its temporary folder is named after it. */
  readonly label: string;
  readonly state: string;
  readonly stateFile: string;
  readonly logs: string;
  readonly healthState: string;
  /**
   * Ray's session folders. Not below `state`: a unix socket's path may have 107 bytes, and Ray adds 64
   * (session_DATE_TIME_MICROSECONDS_PID/sockets/plasma_store).
   */
  readonly temp: string;
  /** Parent of the virtual environments. */
  readonly venvs: string;
}

/** Pure: the same state folder always gives the same label, so that nothing is lost with the state file. */
export function foldersOf(stateDir: string, venvs: string, uid: number): Folders {
  const label = createHash("sha256").update(`${uid}:${stateDir}`).digest("hex").slice(0, 10);
  const state = join(stateDir, "embedded");
  return {
    label,
    state,
    stateFile: join(state, "state.json"),
    logs: join(state, "logs"),
    healthState: join(state, "health"),
    temp: `/tmp/ws-${label}`,
    venvs,
  };
}

/** Makes the folders. The one in /tmp has a name that others can guess, so it must be ours and closed to others. */
export function makeFolders(folders: Folders): Result<void, WsFailure> {
  for (const folder of [folders.state, folders.logs, folders.healthState])
    mkdirSync(folder, { recursive: true });
  mkdirSync(folders.temp, { recursive: true, mode: 0o700 });
  const why = whyUnsafe(folders.temp);
  return why === undefined ? ok(undefined) : err({ reason: "unsafe-folder", folder: folders.temp, why });
}

/** Why a folder in /tmp must not be used: another user may have made it, or a link to something of ours. */
function whyUnsafe(folder: string): string | undefined {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return "it does not exist";
  if (!found.isDirectory()) return "it is not a folder";
  if (found.uid !== process.getuid?.()) return `it belongs to user ${found.uid}`;
  return (found.mode & 0o022) === 0 ? undefined : "other users may write to it";
}

/**
 * Removes what services kept in the folder in /tmp, or all of it if none is named. A folder that is not ours is left
 * alone.
 */
export function removeTemp({ temp }: Folders, names?: readonly string[]): void {
  if (whyUnsafe(temp) !== undefined) return;
  const paths = names === undefined ? [temp] : names.map((name) => join(temp, name));
  for (const path of paths) rmSync(path, { recursive: true, force: true });
}

/** Removes what `ws` wrote there, and nothing else. The lock stays: whoever calls this holds it, and another may wait for it. */
export function removeKept({ logs, healthState, stateFile }: Folders): void {
  for (const path of [logs, healthState, stateFile, `${stateFile}.new`])
    rmSync(path, { recursive: true, force: true });
}
