import { execFile } from "node:child_process";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Environment } from "../../common/environment.ts";
import { readText } from "../../common/files.ts";
import { attempt } from "../../common/result.ts";
import { becoming, type RayUser, withoutOurs } from "./become.ts";

/** What is installed; null where that cannot be found out. */
export interface RayInstall {
  readonly version: string | null;
  /** Major and minor version, such as 3.12: Ray refuses mixed clusters. */
  readonly python: string | null;
}

const PYTHON_TIMEOUT_MS = 10_000;
const PYTHON_PROGRAM =
  "import sys, importlib.metadata as m\nprint(m.version('ray'), '%d.%d' % sys.version_info[:2])";

/**
 * Finds the Python that `ray`'s first line names, and Ray's version in ray/_version.py (Ray 2.40 to 2.60) among that one's
 * packages: `ray --version` says the same and takes a second. Where Ray lies elsewhere the Python itself is asked, as the
 * user that root `becomes` for Ray, until `signal` aborts. `env`: what it runs with; its PATH is where a first line with
 * /usr/bin/env looks.
 */
export async function readInstall(
  ray: string,
  env: Environment,
  becomes: RayUser | null,
  signal: AbortSignal,
): Promise<RayInstall> {
  const interpreter = interpreterOf(readText(ray) ?? "", env.PATH ?? "");
  if (interpreter === undefined) return { version: null, ...findPackage([real(ray)]), python: null };
  // The python of a virtual environment is a link to the one that it was made with.
  const target = real(interpreter);
  const named = /^python(3\.\d+)$/.exec(basename(target))?.[1];
  const found = findPackage([real(ray), interpreter, target], named);
  if (found !== undefined) return { ...found, python: named ?? found.python };
  const command = becoming(becomes, [interpreter, "-c", PYTHON_PROGRAM]);
  const text = await ask(command, withoutOurs(env), signal).catch(() => "");
  const [, version = null, python = null] = /^([\w.+-]{1,64}) (3\.\d+)\n$/.exec(text) ?? [];
  return { version, python };
}

/** What a program prints; rejects, with the program killed, where it cannot be run, fails, or takes longer. */
function ask([file = "", ...args]: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal) {
  const options = { env, signal, timeout: PYTHON_TIMEOUT_MS, killSignal: "SIGKILL", cwd: "/" } as const;
  return new Promise<string>((resolve, reject) => {
    const child = execFile(file, args, options, (error, stdout) => (error ? reject(error) : resolve(stdout)));
    // Node 24 itself sends TERM then, whatever `killSignal` says.
    signal.addEventListener("abort", () => child.kill("SIGKILL"), { once: true });
  });
}

const real = (path: string): string => attempt(() => realpathSync(path)) ?? path;

/** Undefined if the program `ray` with this text is not a Python program. */
function interpreterOf(text: string, path: string): string | undefined {
  // If the path is too long or has a blank, pip writes a file that is shell and Python at once (distlib, scripts.py).
  const long = /^#!\/bin\/sh\n'''exec' (?:"([^"\n]+)"|(\S+)) /.exec(text);
  const [program = "", ...words] = long
    ? [long[1] ?? long[2] ?? ""]
    : (/^#!\s*(.*)/.exec(text)?.[1] ?? "").trim().split(/\s+/);
  const name = basename(program) === "env" ? words.find((word) => !/^-|=/.test(word)) : program;
  if (name === undefined || !basename(name).startsWith("python")) return undefined;
  const places = path.split(":").map((folder) => join(folder, name));
  return name.startsWith("/") ? name : places.find((place) => existsSync(place));
}

/** Looks beside the programs in Python's own order: a user's or a virtual environment's packages before the system's. */
function findPackage(programs: readonly string[], python = "3.\\d+"): RayInstall | undefined {
  const isPython = new RegExp(`^python(?:3|${python})$`);
  const libraries = programs.flatMap((program) =>
    ["local/lib", "lib", "lib64"].map((name) => join(dirname(dirname(program)), name)),
  );
  for (const library of libraries)
    for (const name of (attempt(() => readdirSync(library)) ?? []).filter((each) => isPython.test(each)))
      for (const packages of ["site-packages", "dist-packages"]) {
        const text = readText(join(library, name, packages, "ray", "_version.py")) ?? "";
        const version = /^version\s*=\s*"([\w.+-]{1,64})"/m.exec(text)?.[1];
        if (version !== undefined) return { version, python: /3\.\d+/.exec(name)?.[0] ?? null };
      }
  return undefined;
}
