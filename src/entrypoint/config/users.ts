import type { Environment } from "../../common/environment.ts";
import { readText } from "../../common/files.ts";
import { attempt } from "../../common/result.ts";
import { furtherGroups, outputOf, type RayUser, SYSTEM_ENV } from "./become.ts";

/** How long to wait for a user database such as LDAP. */
const LOOK_UP_TIMEOUT_MS = 5000;

/** The user of this process, and the user that Ray shall run as. */
export interface Users {
  readonly uid: number;
  /** The name of this process's user, else its uid. */
  readonly user: string;
  /** The user that Ray shall run as; null if this system has no such user. */
  readonly rayUser: RayUser | null;
  /** That user, if this process is root and can become it; otherwise null. */
  readonly becomes: RayUser | null;
}

/**
 * RAY_EP_USER is a name, a uid or uid:gid; without it Ray runs as `ray` if this process is root and there is such a
 * user, otherwise as the user of this process. A uid needs no entry in the user database.
 */
export function findUsers(env: Environment): Users {
  const uid = process.getuid?.() ?? -1;
  const own = lookUp(String(uid)) ?? withoutEntry(uid, process.getgid?.() ?? -1, env.HOME || "/");
  const wanted = env.RAY_EP_USER?.trim();
  const rayUser = wanted ? findUser(wanted, own) : (uid === 0 && lookUp("ray")) || own;
  const groups = uid === 0 && rayUser !== null && rayUser.uid !== 0 ? groupsOf(rayUser) : undefined;
  const becomes = rayUser !== null && groups !== undefined ? { ...rayUser, groups } : null;
  return { uid, user: own.name, rayUser: becomes ?? rayUser, becomes };
}

function findUser(wanted: string, own: RayUser): RayUser | null {
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(wanted) ?? [];
  if (uid === undefined) return lookUp(wanted) ?? null;
  const entry = Number(uid) === own.uid ? own : (lookUp(uid) ?? withoutEntry(Number(uid), 0, "/"));
  return gid === undefined ? entry : { ...entry, gid: Number(gid) };
}

/** What `docker run --user` gives a uid without an entry in the user database. */
const withoutEntry = (uid: number, gid: number, home: string): RayUser => ({
  name: String(uid),
  uid,
  gid,
  groups: [],
  home,
  shell: "/bin/sh",
});

/** From /etc/passwd, otherwise from the system's other user databases (such as LDAP). */
function lookUp(nameOrUid: string): RayUser | undefined {
  const find = (text: string): RayUser | undefined => {
    const entries = readEntries(text);
    return (
      entries.find(({ name }) => name === nameOrUid) ?? entries.find(({ uid }) => String(uid) === nameOrUid)
    );
  };
  const others = () => outputOf(["getent", "passwd", nameOrUid], SYSTEM_ENV, LOOK_UP_TIMEOUT_MS);
  return find(readText("/etc/passwd") ?? "") ?? find(others());
}

/** Lines that do not have the format of passwd(5) are skipped. */
const readEntries = (text: string): RayUser[] =>
  text
    .split("\n")
    .map((line) => line.split(":"))
    .filter((fields) => fields.length >= 7)
    .map(([name = "", , uid, gid, , home = "/", shell]) => ({
      name,
      uid: Number(uid),
      gid: Number(gid),
      groups: [],
      home,
      shell: shell || "/bin/sh",
    }));

/**
 * The supplementary groups of Ray's processes: the user's own and those that the container was given (`--group-add`, for
 * /dev/dri and /dev/kfd), without root's. Call it as root. Undefined if this process may not change users.
 */
function groupsOf(user: RayUser): number[] | undefined {
  const given = furtherGroups();
  const groups = attempt(() => {
    const roots = new Set(systemGroups("root", 0));
    const added = given.filter((group) => !roots.has(group));
    return [...new Set([...systemGroups(user.name, user.gid), ...added])];
  });
  attempt(() => process.setgroups?.(given));
  return groups;
}

/** Uses the C library, which knows all user databases, and changes only this process. Node's types lack initgroups. */
function systemGroups(name: string, gid: number): number[] {
  (process as { initgroups?(user: string, gid: number): void }).initgroups?.(name, gid);
  return furtherGroups();
}
