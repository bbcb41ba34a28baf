import { execFileSync, type StdioOptions } from "node:child_process";
import { readText } from "../common/auth-token.ts";
import { furtherGroups, SYSTEM_ENV } from "./become.ts";
import type { RayUser } from "./facts.ts";

type Entry = Omit<RayUser, "groups">;

/** The answer of an LDAP server that does not come is not waited for longer. */
const LOOK_UP_TIMEOUT_MS = 5000;

/** Who this process is, and who Ray shall be. */
export interface Who {
  readonly uid: number;
  /** The name of the user of this process; its uid where it has none. */
  readonly name: string;
  /** The user that Ray shall run as; null where this system has no such user. */
  readonly rayUser: RayUser | null;
  /** True where this process is that user, or may become it. */
  readonly mayBecome: boolean;
  /** That user, where this process is root's and has to become it; else null. */
  readonly becomes: RayUser | null;
}

/**
 * RAY_EP_USER is a name, a uid or uid:gid; without it Ray's user is `ray` where this process is root's, else the user of this
 * process. A uid need not have an entry in the user database.
 */
export function findUsers(env: Readonly<Record<string, string | undefined>>): Who {
  const self = { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1, home: env.HOME || "/" };
  const own = lookUp(String(self.uid)) ?? withoutEntry(self.uid, self.gid, self.home);
  const wanted = env.RAY_EP_USER?.trim() || (self.uid === 0 ? "ray" : String(self.uid));
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

/** What `docker run --user` gives to a uid that no database knows. */
const withoutEntry = (uid: number, gid: number, home: string): Entry => ({
  name: String(uid),
  uid,
  gid,
  home,
  shell: "/bin/sh",
});

/** From /etc/passwd, else from where else this system keeps its users (LDAP, say). */
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

/** A line that is not of the form of /etc/passwd (passwd(5)) is passed over. */
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
 * The groups that Ray's processes have beside their first: those that the system gives to the user, and those that the
 * container was given (`--group-add`), which open /dev/dri and /dev/kfd. Root's own are not among them.
 * To be called as root. Undefined where this process may not change users.
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

/** Node has it since 0.9.4 (nodejs.org/api/process.html), its types do not. */
interface Initgroups {
  initgroups(user: string, extraGroup: number): void;
}

/** By the C library, which knows all of the system's sources, and gives them to this process alone. */
function systemGroups(name: string, gid: number): number[] {
  (process as Partial<Initgroups>).initgroups?.(name, gid);
  return furtherGroups();
}

function attempt(work: () => void): void {
  try {
    work();
  } catch {}
}
