import { accessSync, constants, lstatSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { readText } from "../common/auth-token.ts";
import type { RayUser } from "./facts.ts";

/** Where util-linux lies (Debian, Ubuntu and Red Hat bring it with every image). */
const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"];

/** For tools that we run ourselves: PATH may begin with folders that Ray's user can write to, and we may be root. */
export const SYSTEM_ENV = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" } as const;

/** Whoever has it may take the head lease, and every task of every job reads the environment of Ray's user. */
const OURS_ALONE = new Set(["RAY_EP_HEALTH_TOKEN", "RAY_EP_HEALTH_TOKEN_FILE"]);

/** What programs of Ray's user may know of our environment. */
export const withoutOurs = (env: Readonly<Record<string, string | undefined>>): Record<string, string> =>
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
 * The words that run `words` as `user`, in the same process: Node's own change of user (libuv, uv__process_child_init)
 * takes all further groups away. Where there is no setpriv, which takes 1 ms, it is a Node, which takes 40.
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

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** This process's groups beside its first, which Node's own list adds (proc(5)). */
export function furtherGroups(): number[] {
  const [, list = ""] = /^Groups:[ \t]*(.*)$/m.exec(readText("/proc/self/status") ?? "") ?? [];
  return list.split(" ").filter(Boolean).map(Number);
}

/**
 * Does `work`, which may not be asynchronous, with the rights of `user`: root that touches what lies in a folder of a user's
 * would follow the links that were planted there. Null: with our own.
 */
export function asUser<T>(user: RayUser | null, work: () => T): T {
  if (user === null) return work();
  const own = furtherGroups();
  const { uid, gid, groups } = user;
  process.setgroups?.([...groups]);
  try {
    process.setegid?.(gid);
    process.seteuid?.(uid);
    return work();
  } finally {
    // The user first: without root's rights nothing else can be set back.
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(own);
  }
}

/** With whose rights a file of this folder is to be written: our own where only root can change any step of its path. */
export function ownerOfWrites(folder: string, user: RayUser | null): RayUser | null {
  return user === null || onlyRootChanges(folder) ? null : user;
}

function onlyRootChanges(path: string): boolean {
  try {
    const { uid, mode } = lstatSync(path);
    if (uid !== 0) return false;
    const isLink = (mode & 0o170000) === 0o120000;
    if (!isLink && (mode & 0o022) !== 0) return false;
    if (isLink && !onlyRootChanges(realpathSync(path))) return false;
    return path === dirname(path) || onlyRootChanges(dirname(path));
  } catch {
    return false;
  }
}
