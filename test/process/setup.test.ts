import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "setup-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("D5 a clone on a system that converts line ends contains no CRLF", () => {
  const folder = emptyFolder();
  const git = (cwd: string, ...words: string[]) =>
    execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@x", ...words], { cwd, stdio: "pipe" });
  const origin = join(folder, "origin");
  mkdirSync(origin);
  for (const each of ["docker", "scripts", "ws", ".gitattributes"])
    cpSync(join(root, each), join(origin, each), { recursive: true });
  for (const words of [["init"], ["add", "."], ["commit", "-m", "all"]]) git(origin, ...words);
  git(folder, "-c", "core.autocrlf=true", "clone", origin, "clone");
  const files = readdirSync(join(folder, "clone"), { recursive: true, encoding: "utf8" }).filter((name) =>
    /^(?:ws$|docker\/|scripts\/.*\.)/.test(name),
  );
  expect(files.length).toBeGreaterThan(10);
  expect(files.filter((name) => readFileSync(join(folder, "clone", name), "utf8").includes("\r"))).toEqual(
    [],
  );
});

interface Locked {
  readonly integrity?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

test("D8 the lock file holds the optional packages of every platform, which npm ci insists on, and no registry", () => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const packages: Readonly<Record<string, Locked>> = lock.packages;
  /** Where Node would search for it: in this folder or any folder above. */
  const isLocked = (from: string, name: string): boolean =>
    `${from}/node_modules/${name}`.replace(/^\//, "") in packages ||
    (from !== "" && isLocked(from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/"))), name));
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !isLocked(path, name)),
  );
  expect(missing).toEqual([]);
  expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
});

test("D12 set-up without a network ends soon, names the registry that does not answer, and loses nothing", () => {
  const folder = emptyFolder();
  for (const each of ["scripts/setup.sh", ".npmrc"]) cpSync(join(root, each), join(folder, each));
  writeFileSync(join(folder, "package.json"), '{ "name": "x", "dependencies": { "leven": "4.1.0" } }');
  mkdirSync(join(folder, "node_modules"));
  writeFileSync(join(folder, "node_modules/there"), "");
  const leven = { version: "4.1.0", integrity: `sha512-${"A".repeat(86)}==` };
  const packages = { "": { name: "x", dependencies: { leven: "4.1.0" } }, "node_modules/leven": leven };
  writeFileSync(
    join(folder, "package-lock.json"),
    JSON.stringify({ name: "x", lockfileVersion: 3, packages }),
  );
  const env = { PATH: process.env.PATH, HOME: folder, npm_config_registry: "http://127.0.0.1:9/" };
  const began = performance.now();
  const { status, stderr } = spawnSync("sh", ["scripts/setup.sh"], { cwd: folder, env, encoding: "utf8" });
  expect(status, stderr).toBe(69);
  expect(performance.now() - began).toBeLessThan(45_000);
  expect(stderr).toContain("✗ npm ci failed; see its output above.");
  expect(stderr).toContain("→ Check the network (http://127.0.0.1:9/)");
  expect(readdirSync(join(folder, "node_modules"))).toEqual(["there"]);
});

test("D12 the first ws up without a network says what it waits for, and ends soon", async () => {
  const folder = emptyFolder();
  const words = ["--runtime", "embedded", "--state", join(folder, "state"), "up"];
  const env = { PATH: process.env.PATH, HOME: folder, PIP_INDEX_URL: "http://127.0.0.1:9/simple" };
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [join(root, "dist/ws.js"), ...words], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  expect(status, stderr).toBe(69);
  expect(stderr).toContain("→ The package index does not answer; pip tries four times");
  expect(stderr).toContain("could not be installed");
  expect(stderr).toContain("the package index cannot be reached");
  expect(performance.now() - began).toBeLessThan(50_000);
});

test("B10 a folder that ws did not make is not removed to make the virtual environment there", () => {
  const folder = emptyFolder();
  const theirs = join(folder, "venvs/venv-2.60.0/theirs");
  mkdirSync(join(folder, "venvs/venv-2.60.0"), { recursive: true });
  writeFileSync(theirs, "");
  const words = ["--runtime", "embedded", "--state", join(folder, "state"), "up"];
  const env = { PATH: process.env.PATH, HOME: folder, WS_VENV_DIR: join(folder, "venvs") };
  const options = { cwd: folder, env, encoding: "utf8" } as const;
  const { status, stderr } = spawnSync(process.execPath, [join(root, "dist/ws.js"), ...words], options);
  expect(status, stderr).toBe(77);
  expect(stderr).toContain("venv-2.60.0 cannot be used: it exists, and ws did not create it");
  expect(readFileSync(theirs, "utf8")).toBe("");
});

test("with a umask that lets every user of the machine write, what ws makes is still its user's alone to write", () => {
  const folder = emptyFolder();
  for (const each of ["scripts", "dist"]) mkdirSync(join(folder, each));
  for (const each of ["ws", "scripts/compile-cache.cjs"]) cpSync(join(root, each), join(folder, each));
  writeFileSync(join(folder, "scripts/setup.sh"), "");
  writeFileSync(join(folder, "dist/ws.js"), "console.log(process.umask().toString(8))");
  const umaskAfter = (umask: string) =>
    execFileSync("sh", ["-c", `umask ${umask} && exec "$0"`, join(folder, "ws")], {
      encoding: "utf8",
    }).trim();
  expect(["000", "005", "002", "022", "077"].map(umaskAfter)).toEqual(["22", "22", "2", "22", "77"]);
});
