import { accessSync, closeSync, constants, openSync, readdirSync, statSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { readAuthTokenFile, readText } from "../../common/auth-token.ts";
import { monotonicMs } from "../../common/deadline.ts";
import type { Environment } from "../../common/environment.ts";
import { attempt } from "../../common/result.ts";
import { asUser, type RayUser } from "./become.ts";
import type { OwnInterface } from "./identity.ts";
import { type RayInstall, readInstall } from "./ray-install.ts";
import type { Users } from "./users.ts";

/** What this machine is: which user runs us and which Ray is installed. */
export interface LocalFact extends Users {
  /** Milliseconds that the look took. */
  readonly ms: number;
  /** The requirement files to install first, in order. */
  readonly requirements: readonly string[];
  /** The ones that the user that Ray runs as cannot read. */
  readonly unreadable: { readonly path: string; readonly code: string } | null;
  readonly ray:
    | ({ readonly kind: "found"; readonly path: string } & RayInstall)
    | { readonly kind: "missing"; readonly searched: string | null }
    | { readonly kind: "not-executable"; readonly path: string; readonly code: string };
}

/** The Ray that was found. */
export const rayOf = ({ ray }: Pick<LocalFact, "ray">) => (ray.kind === "found" ? ray : undefined);

export interface LocalProbeSettings {
  readonly who: Users;
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
  const ray = binDir === undefined ? findRay(env, who.becomes) : rayIn(binDir, env, who.becomes);
  const found = asUser(who.becomes, () => findRequirements(requirements));
  return { ...who, ray, ...found, ms: monotonicMs() - began };
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "unknown";

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
    return { requirements: [], unreadable: { path: at, code: codeOf(error) } };
  }
}

const CONDA_ENVS = "/opt/conda/envs";

/**
 * Where images keep Ray: rayproject/ray's own place, then what PATH says, then where a virtual environment, pip or conda
 * puts it (docker/profile.sh has the same).
 */
function findRay(env: Environment, becomes: RayUser | null): LocalFact["ray"] {
  const onPath = (env.PATH ?? "").split(":").filter((folder) => folder.startsWith("/"));
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

function rayIn(binDir: string, env: Environment, becomes: RayUser | null): LocalFact["ray"] {
  const path = join(binDir, "ray");
  try {
    accessSync(path, constants.X_OK);
  } catch (error) {
    const code = codeOf(error);
    return code === "ENOENT" || code === "ENOTDIR"
      ? { kind: "missing", searched: path }
      : { kind: "not-executable", path, code };
  }
  const install = readInstall(path, { ...env, PATH: `${binDir}:${env.PATH ?? ""}` }, becomes);
  return { kind: "found", path, ...install };
}

/** What the file named by RAY_EP_HEALTH_TOKEN_FILE holds; null where none is named or it cannot be read. */
export const readHealthTokenFile = ({ RAY_EP_HEALTH_TOKEN_FILE: path = "" }: Environment): string | null =>
  readText(path.trim());

/**
 * What the file named by RAY_AUTH_TOKEN_PATH holds, else Ray's default file ~/.ray/auth_token in the home of the user
 * that Ray runs as; null where there is none. It is read with that user's rights.
 */
export function readTokenFile(env: Environment, { rayUser, becomes }: Users): string | null {
  // Ray's own HOME (command.ts): the home of the user that it becomes, otherwise the given one.
  const home = becomes?.home ?? (env.HOME || rayUser?.home) ?? "/home/ray";
  return asUser(becomes, () => readAuthTokenFile(env, home));
}

/**
 * The IPv4 addresses of this machine's interfaces. Undefined if they cannot be read, or if programs may also listen
 * on other addresses (ip_nonlocal_bind, for addresses that move between machines).
 */
export function readInterfaces(): OwnInterface[] | undefined {
  if (readText("/proc/sys/net/ipv4/ip_nonlocal_bind")?.trim() === "1") return undefined;
  return attempt(() =>
    Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
      addresses.filter(({ family }) => family === "IPv4").map(({ address }) => ({ name, address })),
    ),
  );
}
