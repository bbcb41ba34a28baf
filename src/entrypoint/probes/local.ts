import { accessSync, constants, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { readAuthTokenFile, readText } from "../../common/auth-token.ts";
import { monotonicMs } from "../../common/deadline.ts";
import type { LocalFact, RayUser } from "../facts.ts";

export interface LocalProbeSettings {
  readonly uid: number;
  readonly rayUser: string;
  /** The folder that holds `ray`. */
  readonly binDir: string;
  /** A requirements file, or a folder of them; it need not exist. */
  readonly requirements: string;
}

/** Looks at this machine: who we are, who Ray shall be, and which Ray is installed. Starts no process. */
export function probeLocal(settings: LocalProbeSettings): LocalFact {
  const began = monotonicMs();
  const users = readUsers();
  const found = {
    uid: settings.uid,
    user: users.find((user) => user.uid === settings.uid)?.name ?? String(settings.uid),
    rayUser: users.find((user) => user.name === settings.rayUser) ?? null,
    ray: findRay(settings.binDir),
    requirements: findRequirements(settings.requirements),
  };
  return { ...found, ms: monotonicMs() - began };
}

/** The user database in /etc/passwd; a line that is not of its form is passed over. */
function readUsers(): RayUser[] {
  return readFileSync("/etc/passwd", "utf8")
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

function findRequirements(path: string): string[] {
  const kind = statSync(path, { throwIfNoEntry: false });
  if (!kind?.isDirectory()) return kind ? [path] : [];
  const names = readdirSync(path).filter((name) => name.endsWith(".txt"));
  return names.sort().map((name) => join(path, name));
}

function findRay(binDir: string): LocalFact["ray"] {
  const path = join(binDir, "ray");
  try {
    accessSync(path, constants.X_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    return code === "ENOENT" || code === "ENOTDIR"
      ? { kind: "missing", searched: path }
      : { kind: "not-executable", path, code };
  }
  return { kind: "found", path, version: readRayVersion(path) };
}

/**
 * The version in ray/_version.py (Ray 2.40 to 2.60) beside the command: `ray --version` says the same and takes a
 * second. Null where the installation is laid out in another way; then no version is compared.
 */
function readRayVersion(ray: string): string | null {
  try {
    const lib = join(dirname(realpathSync(ray)), "..", "lib");
    const python = readdirSync(lib).filter((name) => /^python3\.\d+$/.test(name));
    const texts = python.map((name) =>
      readFileSync(join(lib, name, "site-packages", "ray", "_version.py"), "utf8"),
    );
    return /^version\s*=\s*"([^"]+)"/m.exec(texts.join("\n"))?.[1] ?? null;
  } catch {
    return null;
  }
}

/** What the file named by RAY_EP_HEALTH_TOKEN_FILE holds; null where none is named or it cannot be read. */
export function readHealthTokenFile({ RAY_EP_HEALTH_TOKEN_FILE: path }: Environment): string | null {
  return path === undefined ? null : readText(path);
}

/** What the file named by RAY_AUTH_TOKEN_PATH holds, else Ray's default file ~/.ray/auth_token in the home of
 * the user that Ray runs as; null where there is none. */
export function readTokenFile(env: Environment): string | null {
  const home =
    readUsers().find(({ name }) => name === (env.RAY_EP_USER || "ray"))?.home ?? env.HOME ?? "/home/ray";
  return readAuthTokenFile(env, home);
}

type Environment = Readonly<Record<string, string | undefined>>;
