import { accessSync, closeSync, constants, openSync, readdirSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { readAuthTokenFile, readText } from "../../common/auth-token.ts";
import { monotonicMs } from "../../common/deadline.ts";
import { attempt } from "../../common/result.ts";
import { asUser } from "./become.ts";
import type { LocalFact, RayUser } from "./machine.ts";
import { readInstall } from "./ray-install.ts";
import type { Who } from "./users.ts";

export interface LocalProbeSettings {
  readonly who: Who;
  /** The folder that was named to hold `ray`; undefined where it is to be found. */
  readonly binDir: string | undefined;
  /** The environment that we were given. */
  readonly env: Environment;
  /** A requirements file, or a folder of them; it need not exist. */
  readonly requirements: string;
}

/** Inspects this machine: our user, the user that Ray runs as, and the installed Ray. */
export function probeLocal({ who, binDir, env, requirements }: LocalProbeSettings): LocalFact {
  const began = monotonicMs();
  const found = {
    uid: who.uid,
    user: who.name,
    rayUser: who.rayUser,
    mayBecome: who.mayBecome,
    ray: binDir === undefined ? findRay(env, who.becomes) : rayIn(binDir, env, who.becomes),
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

/**
 * Where images keep Ray: rayproject/ray's own place, then what PATH says, then where a virtual environment, pip or conda
 * puts it (docker/profile.sh has the same).
 */
function findRay(env: Environment, becomes: RayUser | null): LocalFact["ray"] {
  const onPath = (env.PATH ?? "").split(delimiter).filter((folder) => folder.startsWith("/"));
  const conda = attempt(() => readdirSync(CONDA_ENVS)) ?? [];
  const folders = [
    "/home/ray/anaconda3/bin",
    ...onPath,
    ...["/opt/venv/bin", "/usr/local/bin", "/opt/conda/bin"],
    ...conda.toSorted().map((name) => join(CONDA_ENVS, name, "bin")),
  ];
  for (const folder of new Set(folders)) {
    const ray = rayIn(folder, env, becomes);
    if (ray.kind !== "missing") return ray;
  }
  return { kind: "missing", searched: null };
}

const CONDA_ENVS = "/opt/conda/envs";

function rayIn(binDir: string, env: Environment, becomes: RayUser | null): LocalFact["ray"] {
  const file = join(binDir, "ray");
  try {
    accessSync(file, constants.X_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    return code === "ENOENT" || code === "ENOTDIR"
      ? { kind: "missing", searched: file }
      : { kind: "not-executable", path: file, code };
  }
  const { version = null, python = null } = readInstall(
    file,
    { ...env, PATH: `${binDir}:${env.PATH ?? ""}` },
    becomes,
  );
  return { kind: "found", path: file, version, python };
}

/** What the file named by RAY_EP_HEALTH_TOKEN_FILE holds; null where none is named or it cannot be read. */
export function readHealthTokenFile({ RAY_EP_HEALTH_TOKEN_FILE: path }: Environment): string | null {
  return path?.trim() ? readText(path.trim()) : null;
}

/**
 * What the file named by RAY_AUTH_TOKEN_PATH holds, else Ray's default file ~/.ray/auth_token in the home of the user
 * that Ray runs as; null where there is none. It is read with that user's rights.
 */
export function readTokenFile(env: Environment, { rayUser, becomes }: Who): string | null {
  // Ray's own HOME (command.ts): the home of the user that it becomes, otherwise the given one.
  const home = becomes?.home ?? (env.HOME || rayUser?.home) ?? "/home/ray";
  return asUser(becomes, () => readAuthTokenFile(env, home));
}

type Environment = Readonly<Record<string, string | undefined>>;
