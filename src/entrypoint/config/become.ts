import { execFileSync, type StdioOptions } from "node:child_process";
import { accessSync, constants, lstatSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import type { Environment } from "../../common/environment.ts";
import { readText } from "../../common/files.ts";
import { attempt } from "../../common/result.ts";

/** An entry of the user database. */
export interface RayUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, used when root becomes this user. */
  readonly groups: readonly number[];
  readonly home: string;
  readonly shell: string;
}

/** From util-linux, which images of Debian, Ubuntu and Red Hat have. */
const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"];

/** Of tools that we run ourselves, perhaps as root: the PATH that was given may have folders of Ray's user. */
export const SYSTEM_ENV = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" } as const;

/** Whoever has them may take the head lease, or join, and every task of every job reads the environment of Ray's user. */
const OURS_ALONE = new Set([
  "RAY_EP_HEALTH_TOKEN",
  "RAY_EP_HEALTH_TOKEN_FILE",
  "RAY_EP_JOIN",
  "RAY_EP_JOIN_FILE",
]);

/** What programs of Ray's user may know of our environment. */
export const withoutOurs = (env: Environment): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !OURS_ALONE.has(entry[0]),
    ),
  );

const NODE_PROGRAM =
  "const [uid, gid, groups, file, ...words] = process.argv.slice(1);" +
  "process.setgroups(JSON.parse(groups)); process.setgid(+gid); process.setuid(+uid);" +
  "process.execve(file, [file, ...words], process.env);";

/**
 * The command that runs `words` as `user`, by setpriv (1 ms), otherwise by Node (40 ms). Node's own change of user (libuv,
 * uv__process_child_init) would drop all supplementary groups.
 */
export function becoming(user: RayUser | null, words: readonly string[]): readonly string[] {
  if (user === null) return words;
  const { uid, gid, groups } = user;
  const setpriv = SETPRIV.find(isExecutable);
  if (setpriv === undefined) {
    const ids = [String(uid), String(gid), JSON.stringify(groups)];
    return [process.execPath, "--no-warnings", "-e", NODE_PROGRAM, ...ids, ...words];
  }
  const further = groups.length === 0 ? "--clear-groups" : `--groups=${groups.join(",")}`;
  return [setpriv, `--reuid=${uid}`, `--regid=${gid}`, further, "--", ...words];
}

/** True where this process may execute `file`. */
export const isExecutable = (file: string): boolean =>
  attempt(() => accessSync(file, constants.X_OK) ?? true) ?? false;

/** What a program prints; "" where it cannot be run, fails, or takes longer. */
export function outputOf([file = "", ...args]: readonly string[], env: NodeJS.ProcessEnv, timeout: number) {
  const stdio: StdioOptions = ["ignore", "pipe", "ignore"];
  return attempt(() => execFileSync(file, args, { env, timeout, cwd: "/", encoding: "utf8", stdio })) ?? "";
}

/** The supplementary groups of this process (proc(5)). Node's own list contains the primary group as well. */
export function furtherGroups(): number[] {
  const [, list = ""] = /^Groups:[ \t]*(.*)$/m.exec(readText("/proc/self/status") ?? "") ?? [];
  return list.split(" ").filter(Boolean).map(Number);
}

/** Runs `work`, which must be synchronous, with the rights of `user`: root would follow links that were planted there. */
export function asUser<T>(user: RayUser | null, work: () => T): T {
  if (user === null) return work();
  const own = furtherGroups();
  process.setgroups?.([...user.groups]);
  try {
    process.setegid?.(user.gid);
    process.seteuid?.(user.uid);
    return work();
  } finally {
    // The user first: only root can reset the rest.
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(own);
  }
}

/** Whose rights to use for writing in this folder: our own if only root can change every folder of its path. */
export const ownerOfWrites = (folder: string, user: RayUser | null): RayUser | null =>
  user === null || attempt(() => onlyRootChanges(folder)) ? null : user;

function onlyRootChanges(path: string): boolean {
  const stat = lstatSync(path);
  const safe = stat.isSymbolicLink() ? onlyRootChanges(realpathSync(path)) : (stat.mode & 0o022) === 0;
  return stat.uid === 0 && safe && (path === dirname(path) || onlyRootChanges(dirname(path)));
}
