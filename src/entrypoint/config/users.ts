import { execFileSync, type StdioOptions } from "node:child_process";
import { readText } from "../../common/auth-token.ts";
import { furtherGroups, SYSTEM_ENV } from "./become.ts";
import type { RayUser } from "./machine.ts";

type Entry = Omit<RayUser, "groups">;

/** How long to wait for a user database such as LDAP. */
const LOOK_UP_TIMEOUT_MS = 5000;

/** The user of this process, and the user that Ray shall run as. */
export interface Who {
  readonly uid: number;
  /** The name of this process's user; its uid if it has no name. */
  readonly name: string;
  /** The user that Ray shall run as; null if this system has no such user. */
  readonly rayUser: RayUser | null;
  /** True if this process is that user or may become it. */
  readonly mayBecome: boolean;
  /** That user, if this process is root and must become it; otherwise null. */
  readonly becomes: RayUser | null;
}

/**
 * RAY_EP_USER is a name, a uid or uid:gid; without it Ray runs as `ray` if this process is root and there is such a
 * user, otherwise as the user of this process. A uid needs no entry in the user database.
 */
export function findUsers(env: Readonly<Record<string, string | undefined>>): Who {
  const self = { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1, home: env.HOME || "/" };
  const own = lookUp(String(self.uid)) ?? withoutEntry(self.uid, self.gid, self.home);
  const wanted = env.RAY_EP_USER?.trim() || (self.uid === 0 && lookUp("ray") ? "ray" : String(self.uid));
  const user = findUser(wanted, own);
  const change = self.uid === 0 && user !== undefined && user.uid !== 0;
  const groups = change ? groupsOf(user) : [];
  const rayUser = user === undefined ? null : { ...user, groups: groups ?? [] };
  return {
    uid: self.uid,
    name: own.name,
    rayUser,
    mayBecome: groups !== undefined && (change || rayUser?.uid === self.uid),
    becomes: change && groups !== undefined ? rayUser : null,
  };
}

function findUser(wanted: string, own: Entry): Entry | undefined {
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(wanted) ?? [];
  if (uid === undefined) return lookUp(wanted);
  const entry = Number(uid) === own.uid ? own : (lookUp(uid) ?? withoutEntry(Number(uid), 0, "/"));
  return gid === undefined ? entry : { ...entry, gid: Number(gid) };
}

/** What `docker run --user` gives a uid without an entry in the user database. */
const withoutEntry = (uid: number, gid: number, home: string): Entry => ({
  name: String(uid),
  uid,
  gid,
  home,
  shell: "/bin/sh",
});

/** From /etc/passwd, otherwise from the system's other user databases (such as LDAP). */
function lookUp(nameOrUid: string): Entry | undefined {
  const find = (text: string): Entry | undefined => {
    const entries = readEntries(text);
    return (
      entries.find(({ name }) => name === nameOrUid) ?? entries.find(({ uid }) => String(uid) === nameOrUid)
    );
  };
  return find(readText("/etc/passwd") ?? "") ?? find(askSystem(nameOrUid));
}

function askSystem(nameOrUid: string): string {
  try {
    const stdio: StdioOptions = ["ignore", "pipe", "ignore"];
    const options = { timeout: LOOK_UP_TIMEOUT_MS, stdio, env: SYSTEM_ENV };
    return execFileSync("getent", ["passwd", nameOrUid], { encoding: "utf8", ...options });
  } catch {
    return "";
  }
}

/** Lines that do not have the format of passwd(5) are skipped. */
function readEntries(text: string): Entry[] {
  return text
    .split("\n")
    .map((line) => line.split(":"))
    .filter((fields) => fields.length >= 7)
    .map(([name = "", , uid, gid, , home = "/", shell = ""]) => ({
      name,
      uid: Number(uid),
      gid: Number(gid),
      home,
      shell: shell || "/bin/sh",
    }));
}

/**
 * The supplementary groups of Ray's processes: the user's own and those that the container was given (`--group-add`),
 * which give access to /dev/dri and /dev/kfd. Root's own are left out. Call it as root. Undefined if this process may
 * not change users.
 */
function groupsOf(user: Pick<RayUser, "name" | "gid">): number[] | undefined {
  const given = furtherGroups();
  try {
    const roots = new Set(systemGroups("root", 0));
    const added = given.filter((group) => !roots.has(group));
    return [...new Set([...systemGroups(user.name, user.gid), ...added])];
  } catch {
    return undefined;
  } finally {
    attempt(() => process.setgroups?.(given));
  }
}

/** Node has it since 0.9.4 (nodejs.org/api/process.html), but its types lack it. */
interface Initgroups {
  initgroups(user: string, extraGroup: number): void;
}

/** Uses the C library, which knows all user databases, and changes only this process. */
function systemGroups(name: string, gid: number): number[] {
  (process as Partial<Initgroups>).initgroups?.(name, gid);
  return furtherGroups();
}

function attempt(work: () => void): void {
  try {
    work();
  } catch {}
}
