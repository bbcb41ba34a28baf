import { once } from "node:events";
import * as fs from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { attempt } from "../../../common/result.ts";
import { asUser, type RayUser } from "../../config/become.ts";
import { isOnACommandLine } from "../session-processes.ts";
import { flock } from "./flock.ts";

/** Beside Ray's own session folders, which all begin with "session_" (ray/_private/node.py, 2.40 to 2.60). */
const ASIDE = "old-sessions";

/**
 * Names the HEAD of the last session. As long as any process of this machine names that address too, another node's
 * raylet for one, `ray start --head` takes it for running and refuses (scripts/scripts.py, 2.40 to 2.60).
 */
const LAST_ADDRESS = "ray_current_cluster";

/** What is kept of earlier runs, for debugging: a session holds a few MB of logs, or far more where jobs print much. */
const LIMITS = { count: 2, bytes: 512 * 2 ** 20 };

/** Another node holds the exclusive lock only for the moment in which it moves sessions. */
const SHARED = ["--shared", "--timeout", "5"];
const EXCLUSIVE = ["--exclusive", "--nonblock"];

interface Archived {
  /** The archived sessions. */
  readonly names: readonly string[];
  /** Why not all could be archived (a full disk, for example). Ray starts all the same. */
  readonly obstacle: string | null;
  /** Another Ray may use the folder, so all of it stays. */
  readonly neighbour: boolean;
}
const NOTHING: Archived = { names: [], obstacle: null, neighbour: false };

/**
 * Ray's folder of sessions. Other containers may have mounted it, and their processes are not visible from here. A
 * lock on the folder itself (flock(2)) tells whether their Ray may be alive: each node holds a shared lock from its
 * start until nothing of its Ray is alive, so a node that gets the exclusive lock is alone. Everything here is done
 * with the rights of the user that Ray runs as.
 */
export class SessionFolder {
  readonly path: string;
  readonly #user: RayUser | null;
  readonly #flock: string;
  /** The open folder with the lock, for the guard, which may outlive this process; undefined if it cannot be made. */
  fd: number | undefined;
  #obstacle: string | null = null;
  #locked: Promise<unknown> = Promise.resolve();

  /** `user`: whom root has to become for Ray, else null. */
  constructor(path: string, user: RayUser | null, flock = "flock") {
    this.path = path;
    this.#user = user;
    this.#flock = flock;
  }

  /** Begins to take the shared lock, where this node does not have it. The tool needs some ms: call it early. */
  share(): void {
    if (this.fd !== undefined && isSame(this.fd, this.path)) return;
    this.close();
    try {
      this.fd = asUser(this.#user, () => openFolder(this.path));
      this.#locked = this.#lock(this.fd, SHARED);
    } catch (error) {
      this.#obstacle = (error as Error).message;
    }
  }

  /**
   * Puts the sessions of earlier runs aside if no other Ray uses the folder, so that the next one starts afresh: with
   * Redis it would find the sockets of the old role under the same session name and time out. The shared lock is held
   * after it.
   */
  async archive(limits = LIMITS): Promise<Archived> {
    this.share();
    await this.#locked;
    if (this.fd === undefined) return { ...NOTHING, obstacle: this.#obstacle };
    const sessions = asUser(this.#user, () => list(this.path).filter((name) => /^session_\d/.test(name)));
    if (sessions.length === 0) return NOTHING;
    const isAlone = (await this.#lock(this.fd, EXCLUSIVE)) && !(await this.#isUsed(sessions));
    const archived = isAlone
      ? asUser(this.#user, () => archive(this.path, sessions, limits))
      : { ...NOTHING, neighbour: true };
    await this.#lock(this.fd, SHARED);
    return archived;
  }

  /**
   * A Ray that was not started by this program holds no lock, but every process of it names its session, and its raylet
   * listens on a socket there, which is seen from another container too.
   */
  async #isUsed(sessions: readonly string[]): Promise<boolean> {
    const folders = sessions.map((name) => join(this.path, name));
    if (folders.some(isOnACommandLine)) return true;
    const answers = asUser(this.#user, () =>
      folders.flatMap((folder) =>
        list(join(folder, "sockets"))
          .filter((name) => name.startsWith("raylet"))
          .map((name) => mayListen(join(folder, "sockets", name))),
      ),
    );
    return (await Promise.all(answers)).includes(true);
  }

  /** Call it when nothing of this node's Ray is alive. */
  close(): void {
    if (this.fd !== undefined) fs.closeSync(this.fd);
    this.fd = undefined;
  }

  /**
   * False where another node has the lock, or may have it because the file system has none; true where there is no such
   * tool. An exclusive lock that cannot be had costs the shared one (flock(2)).
   */
  async #lock(fd: number, kind: readonly string[]): Promise<boolean> {
    return ((await flock(fd, kind, { tool: this.#flock })) ?? 0) === 0;
  }
}

const list = (folder: string): string[] => attempt(() => fs.readdirSync(folder)) ?? [];

/** False where the folder was removed, and perhaps made again, since it was opened. */
function isSame(fd: number, path: string): boolean {
  const found = fs.statSync(path, { throwIfNoEntry: false });
  const { dev, ino } = fs.fstatSync(fd);
  return found?.dev === dev && found.ino === ino;
}

/** Made as Ray makes it, for every user (ray/_private/utils.py, try_to_create_directory, 2.40 to 2.60). */
function openFolder(path: string): number {
  if (fs.mkdirSync(path, { recursive: true }) !== undefined) fs.chmodSync(path, 0o777);
  return fs.openSync(path, "r");
}

/** False only if certainly no process does. */
async function mayListen(path: string): Promise<boolean> {
  const socket = connect({ path });
  const error: { code?: string } = await once(socket, "connect").catch((cause) => cause);
  socket.destroy();
  return error.code !== "ECONNREFUSED" && error.code !== "ENOENT";
}

function archive(path: string, sessions: readonly string[], limits: typeof LIMITS): Archived {
  const aside = join(path, ASIDE);
  const names: string[] = [];
  try {
    fs.rmSync(join(path, LAST_ADDRESS), { force: true });
    fs.mkdirSync(aside, { recursive: true });
    for (const name of sessions) {
      // With Redis a session keeps its name over restarts.
      fs.rmSync(join(aside, name), { recursive: true, force: true });
      fs.renameSync(join(path, name), join(aside, name));
      names.push(name);
    }
    prune(aside, limits);
    return { ...NOTHING, names };
  } catch (error) {
    return { ...NOTHING, names, obstacle: (error as Error).message };
  }
}

/** Keeps the newest of all that are within the limits. */
function prune(aside: string, { count, bytes }: typeof LIMITS): void {
  const newestFirst = list(aside).toSorted().toReversed();
  let room = bytes;
  newestFirst.forEach((name, i) => {
    room -= sizeOf(join(aside, name));
    if (i >= count || room < 0) fs.rmSync(join(aside, name), { recursive: true, force: true });
  });
}

/** The bytes below a folder; what vanishes meanwhile counts nothing. */
function sizeOf(path: string): number {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found?.size ?? 0;
  return list(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}
