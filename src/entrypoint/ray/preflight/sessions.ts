import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Beside Ray's own session folders, which all begin with "session_" (ray/_private/node.py, 2.40 to 2.60). */
const ASIDE = "old-sessions";

/**
 * Names the HEAD of the last session. As long as any process of this machine names that address too, another node's
 * raylet for one, `ray start --head` takes it for running and refuses (scripts/scripts.py, 2.40 to 2.60).
 */
const LAST_ADDRESS = "ray_current_cluster";

export interface KeepLimits {
  /** How many old sessions are kept at most. */
  readonly count: number;
  /** And how many bytes they may have together; the newest is kept whatever its size, unless it alone is larger. */
  readonly bytes: number;
}

export interface PutAside {
  /** The archived sessions. */
  readonly names: readonly string[];
  /** Why not all could be archived (a full disk, for example). Ray starts all the same. */
  readonly obstacle: string | null;
}

/** The names of all sessions in Ray's folder. */
export const sessionsIn = (temp: string): string[] => list(temp).filter((name) => /^session_\d/.test(name));

/**
 * Puts the sessions of earlier runs aside, so that the next one starts afresh (with Redis it would find the sockets of
 * the old role under the same session name and time out), and deletes the oldest beyond the limits. What is `living`, or is
 * still used by a living process, belongs to another Ray and stays.
 */
export function putSessionsAside(temp: string, living: readonly string[], limits: KeepLimits): PutAside {
  const names: string[] = [];
  try {
    for (const name of moveSessions(temp, living)) names.push(name);
    prune(join(temp, ASIDE), limits);
    return { names, obstacle: null };
  } catch (error) {
    return { names, obstacle: (error as Error).message };
  }
}

function* moveSessions(temp: string, living: readonly string[]): Generator<string> {
  const all = sessionsIn(temp);
  const sessions = all.filter((name) => !living.includes(name) && !inUse(join(temp, name)));
  if (sessions.length === all.length) rmSync(join(temp, LAST_ADDRESS), { force: true });
  const aside = join(temp, ASIDE);
  if (sessions.length > 0) mkdirSync(aside, { recursive: true });
  for (const name of sessions) {
    // With Redis a session keeps its name over restarts.
    rmSync(join(aside, name), { recursive: true, force: true });
    renameSync(join(temp, name), join(aside, name));
    yield name;
  }
}

export function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Every process of Ray names its session folder on its command line. */
function inUse(session: string): boolean {
  return readdirSync("/proc").some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(session);
    } catch {
      return false;
    }
  });
}

function prune(aside: string, { count, bytes }: KeepLimits): void {
  const newestFirst = list(aside).toSorted().toReversed();
  let room = bytes;
  newestFirst.forEach((name, i) => {
    room -= sizeOf(join(aside, name));
    if (i >= count || room < 0) rmSync(join(aside, name), { recursive: true, force: true });
  });
}

/** The bytes below a folder; what vanishes meanwhile counts nothing. */
function sizeOf(path: string): number {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found?.size ?? 0;
  return list(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}
