import * as fs from "node:fs";
import { networkInterfaces } from "node:os";
import { dirname, join } from "node:path";
import { readAuthTokenFile } from "../../common/auth-token.ts";
import { monotonicMs } from "../../common/deadline.ts";
import type { Environment } from "../../common/environment.ts";
import type { Failure } from "../../common/failure.ts";
import { readText } from "../../common/files.ts";
import { attempt, err, ok, type Result } from "../../common/result.ts";
import { asUser, type RayUser } from "./become.ts";
import type { OwnInterface } from "./identity.ts";
import { type RayInstall, readInstall } from "./ray-install.ts";
import type { Users } from "./users.ts";
import type { Values } from "./variables.ts";

/** Ray on this machine, and who runs it. */
export interface LocalFact {
  /** Milliseconds that the look took. */
  readonly ms: number;
  /** The name of the user that runs us. */
  readonly user: string;
  readonly ray: RayInstall & { readonly path: string };
  /** The user that Ray runs as. */
  readonly rayUser: RayUser;
  /** The same, where this process is root and must become it first; otherwise null. */
  readonly becomes: RayUser | null;
  /** The requirement files to install first, in order. */
  readonly requirements: readonly string[];
  /** Why the user that Ray runs as cannot write in RAY_EP_STATE_DIR: the error's code; null where it can. */
  readonly stateObstacle: string | null;
}

/** Looks at this machine; the failure says why it cannot run Ray at all, before anything is asked of others. */
export async function probeLocal(
  { uid, user, rayUser, becomes }: Users,
  values: Values,
  env: Environment,
  signal: AbortSignal,
): Promise<Result<LocalFact, Failure>> {
  const began = monotonicMs();
  const ray = findRay(values, env.PATH);
  if (!ray.ok) return ray;
  if (rayUser === null) return err({ reason: "no-such-user", user: values.RAY_EP_USER ?? "ray" });
  if (becomes === null && uid !== rayUser.uid)
    return err({ reason: "wrong-user", user, wanted: rayUser.name });
  const requirements = asUser(becomes, () => findRequirements(values.RAY_EP_PIP_REQUIREMENTS, rayUser));
  if (!requirements.ok) return requirements;
  const path = ray.value;
  const inPath = { ...env, PATH: `${dirname(path)}:${env.PATH ?? ""}` };
  const install = await readInstall(path, inPath, becomes, signal);
  const stateDir = values.RAY_EP_STATE_DIR;
  const found = {
    ...{ user, rayUser, becomes, ray: { path, ...install }, requirements: requirements.value },
    stateObstacle: stateDir && asUser(becomes, () => writeObstacle(stateDir)),
  };
  return ok({ ...found, ms: monotonicMs() - began });
}

const CONDA_ENVS = "/opt/conda/envs";

/**
 * Where images keep Ray, unless a folder was named: rayproject/ray's own place, then what PATH says, then where a virtual
 * environment, pip or conda puts it (docker/profile.sh has the same).
 */
function findRay({ RAY_EP_BIN_DIR, USE_CONDA_ENV }: Values, path = ""): Result<string, Failure> {
  const named = RAY_EP_BIN_DIR ?? (USE_CONDA_ENV ? `${CONDA_ENVS}/py/bin` : null);
  if (named !== null) return rayIn(named);
  const conda = attempt(() => fs.readdirSync(CONDA_ENVS)) ?? [];
  const folders = [
    "/home/ray/anaconda3/bin",
    ...path.split(":").filter((folder) => folder.startsWith("/")),
    ...["/opt/venv/bin", "/usr/local/bin", "/opt/conda/bin"],
    ...conda.toSorted().map((name) => join(CONDA_ENVS, name, "bin")),
  ];
  for (const folder of new Set(folders)) {
    const ray = rayIn(folder);
    if (ray.ok || ray.error.reason !== "ray-not-found") return ray;
  }
  return err({ reason: "ray-not-found", path: null });
}

function rayIn(folder: string): Result<string, Failure> {
  const path = join(folder, "ray");
  try {
    fs.accessSync(path, fs.constants.X_OK);
    return ok(path);
  } catch (error) {
    const code = codeOf(error);
    const isMissing = code === "ENOENT" || code === "ENOTDIR";
    return err(
      isMissing ? { reason: "ray-not-found", path } : { reason: "ray-not-executable", file: path, code },
    );
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "unknown";

/** Why nothing can be written in a folder, which need not exist yet; null where it can. What is tried leaves nothing behind. */
function writeObstacle(folder: string): string | null {
  try {
    if (!fs.existsSync(folder) && folder !== dirname(folder)) return writeObstacle(dirname(folder));
    fs.rmdirSync(fs.mkdtempSync(join(folder, ".try-")));
    return null;
  } catch (error) {
    return codeOf(error);
  }
}

/** A file, or all of a folder; neither need exist. */
function findRequirements(given: string, user: RayUser): Result<string[], Failure> {
  let path = given;
  try {
    const kind = fs.statSync(given, { throwIfNoEntry: false });
    if (kind === undefined) return ok([]);
    const names = kind.isDirectory() ? fs.readdirSync(given).filter((name) => name.endsWith(".txt")) : null;
    const files = names?.toSorted().map((name) => join(given, name)) ?? [given];
    // A FIFO among them must not hold this look.
    for (path of files) fs.closeSync(fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK));
    return ok(files);
  } catch (error) {
    return err({ reason: "requirements-unreadable", path, user: user.name, code: codeOf(error) });
  }
}

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
  const named = namesIn(readText("/etc/hosts") ?? "");
  return attempt(() =>
    Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
      addresses
        .filter(({ family }) => family === "IPv4")
        .map(({ address }) => ({ name, address, names: named.get(address) ?? [] })),
    ),
  );
}

/** The names of each address in a hosts file (hosts(5)). Pure. */
export function namesIn(hosts: string): Map<string, string[]> {
  const named = new Map<string, string[]>();
  for (const line of hosts.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").split(/\s+/).filter(Boolean);
    if (address !== "") named.set(address, [...(named.get(address) ?? []), ...names]);
  }
  return named;
}
