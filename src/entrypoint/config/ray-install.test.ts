import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readInstall } from "./ray-install.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ray-install-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

function link(path: string, target: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path));
}

const SIGNAL = new AbortController().signal;
const installed = (packages: string, version = "2.60.0") =>
  write(`${packages}/ray/_version.py`, `# generated\nversion = "${version}"\ncommit = "abc"\n`);
const ray = (path: string, firstLine: string) => write(path, `${firstLine}\nimport sys\n`);
const read = (path: string, folders = "") => readInstall(join(root, path), { PATH: folders }, null, SIGNAL);

describe("C8 the versions of Ray and Python are read from the packages of the interpreter of `ray`", () => {
  beforeEach(() => {
    write("usr/bin/python3.11", "ELF");
    link("usr/bin/python3", "python3.11");
  });

  test("the image of Ray: site-packages beside the program", async () => {
    ray("home/anaconda3/bin/ray", `#!${root}/home/anaconda3/bin/python`);
    write("home/anaconda3/bin/python3.12", "ELF");
    link("home/anaconda3/bin/python", "python3.12");
    installed("home/anaconda3/lib/python3.12/site-packages");
    expect(await read("home/anaconda3/bin/ray")).toEqual({ version: "2.60.0", python: "3.12" });
  });

  test.each(["usr/local/lib/python3.11/dist-packages", "usr/lib/python3/dist-packages"])(
    "%s",
    async (packages) => {
      ray("usr/local/bin/ray", `#!${root}/usr/bin/python3`);
      installed(packages);
      expect(await read("usr/local/bin/ray")).toEqual({ version: "2.60.0", python: "3.11" });
    },
  );

  test("the packages of another Python beside it are not taken for its own", async () => {
    ray("usr/local/bin/ray", `#!${root}/usr/bin/python3`);
    installed("usr/local/lib/python3.9/dist-packages", "2.9.0");
    installed("usr/lib/python3/dist-packages");
    expect((await read("usr/local/bin/ray")).version).toBe("2.60.0");
  });

  test("a virtual environment elsewhere, by a link", async () => {
    ray("opt/venv/bin/ray", `#!${root}/opt/venv/bin/python`);
    link("opt/venv/bin/python", join(root, "usr/bin/python3"));
    installed("opt/venv/lib/python3.11/site-packages");
    link("srv/bin/ray", join(root, "opt/venv/bin/ray"));
    expect(await read("srv/bin/ray")).toEqual({ version: "2.60.0", python: "3.11" });
  });

  test.each(["#!/usr/bin/env python3", "#!/usr/bin/env -S python3 -E"])("%s", async (firstLine) => {
    ray("srv/ray", firstLine);
    installed("usr/lib/python3/dist-packages");
    const folders = `${root}/none:${root}/usr/bin`;
    expect(await read("srv/ray", folders)).toEqual({ version: "2.60.0", python: "3.11" });
  });

  test("what pip writes where the path of its Python is long or has a blank", async () => {
    link("with blank/bin/python", join(root, "usr/bin/python3"));
    ray("with blank/bin/ray", `#!/bin/sh\n'''exec' "${root}/with blank/bin/python" "$0" "$@"\n' '''`);
    installed("with blank/lib/python3.11/site-packages");
    expect(await read("with blank/bin/ray")).toEqual({ version: "2.60.0", python: "3.11" });
  });

  test("otherwise that Python itself is asked", async () => {
    const python = write("odd/python3", "#!/bin/sh\necho 2.59.0 3.13\n");
    ray("odd/ray", `#!${python}`);
    expect(await read("odd/ray")).toEqual({ version: "2.59.0", python: "3.13" });
  });

  test("B11 and it may know what Ray may know, the health service's token not among it", async () => {
    const said = join(root, "said");
    const python = write("odd/python3", `#!/bin/sh\n/usr/bin/env > ${said}\necho 2.59.0 3.13\n`);
    const env = { RAY_EP_HEALTH_TOKEN: "t0ken", RAY_EP_HEALTH_TOKEN_FILE: "/t0ken", PYTHONPATH: "/packages" };
    await readInstall(ray("odd/ray", `#!${python}`), env, null, SIGNAL);
    expect(readFileSync(said, "utf8")).not.toContain("t0ken");
    expect(readFileSync(said, "utf8")).toContain("PYTHONPATH=/packages");
  });

  test.each([
    ["a program of another kind", "#!/bin/sh"],
    ["a Python that is not there", "#!/nowhere/bin/python3"],
    ["a Python that fails", "#!/bin/false/python3"],
  ])("%s: nothing is known", async (_, firstLine) => {
    ray("odd/ray", firstLine);
    expect(await read("odd/ray")).toEqual({ version: null, python: null });
  });
});
