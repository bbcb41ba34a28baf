import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, readSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { becoming, withoutOurs } from "./become.ts";
import type { RayUser } from "./machine.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What is installed; undefined if that cannot be found out. */
export interface RayInstall {
  readonly version: string | undefined;
  /** Major and minor version, such as 3.12: Ray refuses mixed clusters. */
  readonly python: string | undefined;
}

/** The longest first line that Linux takes is 255 bytes; what pip writes instead of longer ones takes three. */
const BEGINNING = 1024;
const PYTHON_TIMEOUT_MS = 10_000;

/**
 * Finds the Python that `ray`'s first line names, and Ray's version in ray/_version.py (Ray 2.40 to 2.60) among that one's
 * packages: `ray --version` says the same and takes a second. Where Ray lies elsewhere the Python itself is asked, as the
 * user that root `becomes` for Ray. `env`: what it runs with; its PATH is where a first line with /usr/bin/env looks.
 */
export function readInstall(ray: string, env: Environment, becomes: RayUser | null): RayInstall {
  const interpreter = interpreterOf(ray, env.PATH ?? "");
  if (interpreter === undefined)
    return { version: readVersion([folderAbove(real(ray))])?.version, python: undefined };
  // The python of a virtual environment is a link to the one that it was made with.
  const target = real(interpreter);
  const named = /^python(3\.\d+)$/.exec(basename(target))?.[1];
  const found = readVersion([folderAbove(real(ray)), folderAbove(interpreter), folderAbove(target)], named);
  if (found !== undefined) return { version: found.version, python: named ?? found.python };
  return askPython(interpreter, env, becomes);
}

const folderAbove = (program: string): string => dirname(dirname(program));

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Undefined if `ray` is not a Python program. */
function interpreterOf(ray: string, path: string): string | undefined {
  const text = beginningOf(ray);
  // If the path is too long or has a blank, pip writes a file that is shell and Python at once (distlib, scripts.py).
  const long = /^#!\/bin\/sh\n'''exec' (?:"([^"\n]+)"|(\S+)) /.exec(text);
  const [program = "", ...words] = long
    ? [long[1] ?? long[2] ?? ""]
    : (/^#!\s*(.*)/.exec(text)?.[1] ?? "").trim().split(/\s+/);
  const name = basename(program) === "env" ? words.find((word) => !/^-|=/.test(word)) : program;
  if (name === undefined || !basename(name).startsWith("python")) return undefined;
  return name.startsWith("/")
    ? name
    : path
        .split(":")
        .map((folder) => join(folder, name))
        .find(exists);
}

function beginningOf(file: string): string {
  try {
    const fd = openSync(file, "r");
    const bytes = Buffer.alloc(BEGINNING);
    const length = readSync(fd, bytes);
    closeSync(fd);
    return bytes.toString("utf8", 0, length);
  } catch {
    return "";
  }
}

const exists = (path: string): boolean => beginningOf(path) !== "";

/** In Python's own order, a user's or a virtual environment's packages before the system's. */
function readVersion(
  prefixes: readonly string[],
  python = "3.\\d+",
): { readonly version: string; readonly python: string | undefined } | undefined {
  const folder = new RegExp(`^python(?:3|${python})$`);
  for (const lib of [...new Set(prefixes)].flatMap((prefix) =>
    ["local/lib", "lib", "lib64"].map((name) => join(prefix, name)),
  ))
    for (const name of entriesOf(lib).filter((each) => folder.test(each)))
      for (const packages of ["site-packages", "dist-packages"]) {
        const text = readOrNothing(join(lib, name, packages, "ray", "_version.py"));
        const version = /^version\s*=\s*"([\w.+-]{1,64})"/m.exec(text)?.[1];
        if (version !== undefined) return { version, python: /3\.\d+/.exec(name)?.[0] };
      }
  return undefined;
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

const PROGRAM =
  "import sys, importlib.metadata as m\nprint(m.version('ray'), '%d.%d' % sys.version_info[:2])";

function askPython(interpreter: string, env: Environment, becomes: RayUser | null): RayInstall {
  try {
    const [program = "", ...words] = becoming(becomes, [interpreter, "-c", PROGRAM]);
    const text = execFileSync(program, words, {
      encoding: "utf8",
      timeout: PYTHON_TIMEOUT_MS,
      stdio: ["ignore", "pipe", "ignore"],
      cwd: "/",
      env: withoutOurs(env),
    });
    const [, version, python] = /^([\w.+-]{1,64}) (3\.\d+)\n$/.exec(text) ?? [];
    return { version, python };
  } catch {
    return { version: undefined, python: undefined };
  }
}
