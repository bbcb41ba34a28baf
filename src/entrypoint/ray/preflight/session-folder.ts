import { type StdioOptions, spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  statSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { asUser, type RayUser, SYSTEM_ENV } from "../../config/become.ts";
import { type KeepLimits, list, type PutAside, putSessionsAside, sessionsIn } from "./sessions.ts";

const LOCKS = {
  // Another node holds the exclusive lock only for the moment in which it moves sessions.
  shared: ["--shared", "--timeout", "5"],
  exclusive: ["--exclusive", "--nonblock"],
} as const;

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
  #fd: number | undefined;
  #obstacle: string | null = null;
  #locked: Promise<unknown> = Promise.resolve();

  /** `user`: whom root has to become for Ray, else null. */
  constructor(path: string, user: RayUser | null, flock = "flock") {
    this.path = path;
    this.#user = user;
    this.#flock = flock;
  }

  /**
   * The open folder with the lock, for the guard, which may outlive this process; undefined if the folder cannot be
   * made.
   */
  get fd(): number | undefined {
    return this.#fd;
  }

  /** Begins to take the shared lock, where this node does not have it. The tool needs some ms: call it early. */
  share(): void {
    if (this.#fd !== undefined && isSame(this.#fd, this.path)) return;
    this.close();
    try {
      this.#fd = asUser(this.#user, () => openFolder(this.path));
      this.#locked = this.#lock(this.#fd, "shared");
    } catch (error) {
      this.#obstacle = (error as Error).message;
    }
  }

  /** Archives the sessions of earlier runs that are proven dead. The shared lock is held after it. */
  async prepare(limits: KeepLimits): Promise<PutAside & { readonly neighbour: boolean }> {
    this.share();
    await this.#locked;
    if (this.#fd === undefined) return { names: [], obstacle: this.#obstacle, neighbour: false };
    const sessions = asUser(this.#user, () => sessionsIn(this.path));
    if (sessions.length === 0) return { names: [], obstacle: null, neighbour: false };
    const done = await this.#putAside(this.#fd, sessions, limits);
    await this.#lock(this.#fd, "shared");
    return done;
  }

  async #putAside(
    fd: number,
    sessions: readonly string[],
    limits: KeepLimits,
  ): Promise<PutAside & { readonly neighbour: boolean }> {
    if ((await this.#lock(fd, "exclusive")) === "taken")
      return { names: [], obstacle: null, neighbour: true };
    const listens = await Promise.all(sessions.map((name) => this.#listens(name)));
    const living = sessions.filter((_, i) => listens[i]);
    const done = asUser(this.#user, () => putSessionsAside(this.path, living, limits));
    return { ...done, neighbour: living.length > 0 };
  }

  /** A Ray that was not started by this program holds no lock, but its raylet listens on a socket in its session. */
  async #listens(session: string): Promise<boolean> {
    const folder = join(this.path, session, "sockets");
    const names = asUser(this.#user, () => list(folder)).filter((name) => name.startsWith("raylet"));
    const answers = names.map((name) => asUser(this.#user, () => mayListen(join(folder, name))));
    return (await Promise.all(answers)).includes(true);
  }

  /** Call it when nothing of this node's Ray is alive. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /**
   * Node has no flock(2). The tool locks an inherited open file, and the lock stays with that file. Where the file
   * system has no locks, another node may use the folder. "unknown": there is no such tool. An exclusive lock that
   * cannot be had costs the shared one (flock(2)).
   */
  #lock(fd: number, kind: keyof typeof LOCKS): Promise<"held" | "taken" | "unknown"> {
    return new Promise((resolve) => {
      const stdio: StdioOptions = ["ignore", "ignore", "ignore", fd];
      const flock = spawn(this.#flock, [...LOCKS[kind], "3"], { stdio, env: SYSTEM_ENV });
      flock.once("error", () => resolve("unknown"));
      flock.once("exit", (code) => resolve(code === 0 ? "held" : "taken"));
    });
  }
}

/** False where the folder was removed, and perhaps made again, since it was opened. */
function isSame(fd: number, path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  const { dev, ino } = fstatSync(fd);
  return found?.dev === dev && found.ino === ino;
}

/** Made as Ray makes it, for every user (ray/_private/utils.py, try_to_create_directory, 2.40 to 2.60). */
function openFolder(path: string): number {
  if (!existsSync(path)) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o777);
  }
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
}

/** False only if certainly no process does. */
function mayListen(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", ({ code }: NodeJS.ErrnoException) =>
      resolve(code !== "ECONNREFUSED" && code !== "ENOENT"),
    );
  });
}
