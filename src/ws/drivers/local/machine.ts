import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, rmSync, statfsSync } from "node:fs";
import { totalmem, userInfo } from "node:os";
import { join } from "node:path";
import { err, ok, type Result } from "../../../common/result.ts";
import type { Settings } from "../../config/settings.ts";
import type { WsFailure } from "../../failure.ts";

export interface Folders {
  /** Names the cluster: its processes carry it, its temporary folder is named after it. */
  readonly label: string;
  readonly state: string;
  readonly stateFile: string;
  readonly logs: string;
  readonly healthState: string;
  /** Ray's session folders. Not below `state`: a unix socket's path may have 107 bytes, and Ray adds 64. */
  readonly temp: string;
}

/** The same state folder always gives the same label, so that nothing is lost with the state file. */
export function foldersOf(stateDir: string): Folders {
  const owner = `${process.getuid?.() ?? 0}:${stateDir}`;
  const label = createHash("sha256").update(owner).digest("hex").slice(0, 10);
  const state = join(stateDir, "embedded");
  return {
    label,
    state,
    stateFile: join(state, "state.json"),
    logs: join(state, "logs"),
    healthState: join(state, "health"),
    temp: `/tmp/ws-${label}`,
  };
}

export const logFile = ({ logs }: Folders, name: string): string => join(logs, `${name}.log`);

export const statusFile = ({ logs }: Folders, name: string): string => join(logs, `${name}.json`);

/** Makes the folders. The one in /tmp has a name that others can guess, so it must be ours and closed to others. */
export function makeFolders({ state, logs, healthState, temp }: Folders): Result<void, WsFailure> {
  for (const folder of [state, logs, healthState]) mkdirSync(folder, { recursive: true });
  mkdirSync(temp, { recursive: true, mode: 0o700 });
  const why = whyUnsafe(temp);
  return why === undefined ? ok(undefined) : err({ reason: "unsafe-folder", folder: temp, why });
}

/** Why a folder in /tmp must not be used: another user may have made it, or a link to something of ours. */
function whyUnsafe(folder: string): string | undefined {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return "it does not exist";
  if (!found.isDirectory()) return "it is not a folder";
  if (found.uid !== process.getuid?.()) return `it belongs to user ${found.uid}`;
  return (found.mode & 0o022) === 0 ? undefined : "other users may write to it";
}

/** Removes what services kept in /tmp, or all of it if none is named. A folder that is not ours is left alone. */
export function removeTemp({ temp }: Folders, names?: readonly string[]): void {
  if (whyUnsafe(temp) === undefined) remove(names?.map((name) => join(temp, name)) ?? [temp]);
}

/** Removes what `ws` wrote, and nothing else. The lock stays: whoever calls this holds it, and another may wait for it. */
export const removeKept = ({ logs, healthState, stateFile }: Folders): void =>
  remove([logs, healthState, stateFile, `${stateFile}.new`]);

function remove(paths: readonly string[]): void {
  for (const path of paths) rmSync(path, { recursive: true, force: true });
}

/** Ray refuses an object store below 75 MB (ray_constants.py, OBJECT_STORE_MINIMUM_MEMORY_BYTES). */
const MIN_STORE_BYTES = 80 * 2 ** 20;
/** Ray leaves /dev/shm for /tmp when the store does not fit into what is free of it (services.py). */
const SHARE = 0.9;

/** What the plan takes from the machine. */
export interface Machine {
  readonly folders: Folders;
  readonly binDir: string;
  readonly dist: string;
  readonly user: string;
  readonly logForm: string;
  /** What one node's object store may take at most: beyond it Ray would leave /dev/shm or refuse to start. */
  readonly objectStoreLimitBytes: number;
}

/** `logForm`: RAY_EP_LOG. */
export function readMachine(
  settings: Settings,
  folders: Folders,
  { binDir, dist, logForm }: { binDir: string; dist: string; logForm?: string | undefined },
): Machine {
  const limit = (Math.min(sharedMemory(), totalmem()) * SHARE) / (settings.nodes.length + 1);
  return {
    folders,
    binDir,
    dist,
    user: userName() ?? "",
    // No engine adds the times.
    logForm: logForm || "timed",
    // Rounded, so that the few bytes that others take meanwhile do not look like a change of plan.
    objectStoreLimitBytes: Math.max(MIN_STORE_BYTES, Math.floor(limit / 2 ** 27) * 2 ** 27),
  };
}

/** Who types `ws`; undefined where the system knows no user of that id. */
export function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // ENOENT: getpwuid(3) finds none.
    return undefined;
  }
}

function sharedMemory(): number {
  try {
    const { blocks, bsize } = statfsSync("/dev/shm");
    return blocks * bsize;
  } catch {
    return 0;
  }
}
