import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { readAuthTokenFile, readText } from "../../common/auth-token.ts";
import { monotonicMs } from "../../common/deadline.ts";
import { asUser } from "../become.ts";
import type { LocalFact } from "../facts.ts";
import type { Who } from "../users.ts";

export interface LocalProbeSettings {
  readonly who: Who;
  /** The folder that holds `ray`. */
  readonly binDir: string;
  /** A requirements file, or a folder of them; it need not exist. */
  readonly requirements: string;
}

/** Looks at this machine: who we are, who Ray shall be, and which Ray is installed. */
export function probeLocal({ who, binDir, requirements }: LocalProbeSettings): LocalFact {
  const began = monotonicMs();
  const found = {
    uid: who.uid,
    user: who.name,
    rayUser: who.rayUser,
    mayBecome: who.mayBecome,
    ray: findRay(binDir),
    ...asUser(who.becomes, () => findRequirements(requirements)),
  };
  return { ...found, ms: monotonicMs() - began };
}

function findRequirements(path: string): Pick<LocalFact, "requirements" | "unreadable"> {
  let at = path;
  try {
    const kind = statSync(path, { throwIfNoEntry: false });
    if (kind === undefined) return { requirements: [], unreadable: null };
    const names = kind.isDirectory() ? readdirSync(path).filter((name) => name.endsWith(".txt")) : null;
    const files = names === null ? [path] : names.toSorted().map((name) => join(path, name));
    for (at of files) closeSync(openSync(at, "r"));
    return { requirements: files, unreadable: null };
  } catch (error) {
    return {
      requirements: [],
      unreadable: { path: at, code: (error as NodeJS.ErrnoException).code ?? "unknown" },
    };
  }
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
 * the user that Ray runs as; null where there is none. It is read as that user reads it. */
export function readTokenFile(env: Environment, { rayUser, becomes }: Who): string | null {
  const home = rayUser?.home ?? env.HOME ?? "/home/ray";
  return asUser(becomes, () => readAuthTokenFile(env, home));
}

type Environment = Readonly<Record<string, string | undefined>>;
