import { type StdioOptions, spawn } from "node:child_process";
import { chmodSync, closeSync, constants, existsSync, mkdirSync, openSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { asUser, SYSTEM_ENV } from "./become.ts";
import type { RayUser } from "./facts.ts";
import { type KeepLimits, list, type PutAside, putSessionsAside, sessionsIn } from "./sessions.ts";

/** What holds the folder for a moment only moves other sessions. */
const SHARE_TIMEOUT_S = 5;

/**
 * Ray's folder of sessions. Other containers may have mounted it, whose processes nobody sees from here, so that a lock on
 * the folder itself (flock(2)) tells whether their Ray may live: each node shares it from before its Ray starts for as long
 * as anything of that may live, and whoever gets it alone is alone.
 * Everything here is done with the rights of the user that Ray runs as.
 */
export class SessionFolder {
  /** To be held by whoever outlives this process; undefined where the folder cannot be made. */
  readonly fd: number | undefined;
  readonly #path: string;
  readonly #user: RayUser | null;
  readonly #obstacle: string | null = null;
  readonly #flock: string;

  /** `user`: whom root has to become for Ray, else null. */
  constructor(path: string, user: RayUser | null, flock = "flock") {
    this.#path = path;
    this.#user = user;
    this.#flock = flock;
    try {
      this.fd = asUser(user, () => openFolder(path));
    } catch (error) {
      this.#obstacle = (error as Error).message;
    }
  }

  /** Puts the sessions of earlier runs aside, but none that is not proven dead, and shares the folder from now on. */
  async prepare(limits: KeepLimits): Promise<PutAside & { readonly neighbour: boolean }> {
    if (this.fd === undefined) return { names: [], obstacle: this.#obstacle, neighbour: false };
    const done = await this.#putAside(this.fd, limits);
    await lock(this.fd, ["--shared", "--timeout", String(SHARE_TIMEOUT_S)], this.#flock);
    return done;
  }

  async #putAside(fd: number, limits: KeepLimits): Promise<PutAside & { readonly neighbour: boolean }> {
    const sessions = asUser(this.#user, () => sessionsIn(this.#path));
    if (sessions.length === 0) return { names: [], obstacle: null, neighbour: false };
    if ((await lock(fd, ["--exclusive", "--nonblock"], this.#flock)) === "taken")
      return { names: [], obstacle: null, neighbour: true };
    const listens = await Promise.all(sessions.map((name) => this.#listens(name)));
    const living = sessions.filter((_, i) => listens[i]);
    const done = asUser(this.#user, () => putSessionsAside(this.#path, living, limits));
    return { ...done, neighbour: living.length > 0 };
  }

  /** A Ray that was started without this program holds no lock, but its raylet listens on a socket in its session. */
  async #listens(session: string): Promise<boolean> {
    const folder = join(this.#path, session, "sockets");
    const names = asUser(this.#user, () => list(folder)).filter((name) => name.startsWith("raylet"));
    const answers = names.map((name) => asUser(this.#user, () => mayListen(join(folder, name))));
    return (await Promise.all(answers)).includes(true);
  }

  /** To be called when nothing of this node's Ray lives. */
  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
  }
}

/** Made as Ray makes it, for every user (ray/_private/utils.py, try_to_create_directory, 2.40 to 2.60). */
function openFolder(path: string): number {
  if (!existsSync(path)) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o777);
  }
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
}

/**
 * Node has no flock(2); the tool locks what it inherits, and the lock stays with that. A file system that knows no locks
 * tells nothing of others, so that they may be there. "unknown": this system has no such tool.
 */
function lock(fd: number, words: readonly string[], program: string): Promise<"held" | "taken" | "unknown"> {
  return new Promise((resolve) => {
    const stdio: StdioOptions = ["ignore", "ignore", "ignore", fd];
    const flock = spawn(program, [...words, "3"], { stdio, env: SYSTEM_ENV });
    flock.once("error", () => resolve("unknown"));
    flock.once("exit", (code) => resolve(code === 0 ? "held" : "taken"));
  });
}

/** False where it is sure that nobody does. */
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
