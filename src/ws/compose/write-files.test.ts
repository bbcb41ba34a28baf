import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { settingsOf } from "../../../test/fixtures/settings.ts";
import { marked, planHere, whyNotOurs, writeComposeFiles } from "./write-files.ts";

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ws-generate-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function write(folder: string, check = false, cpus = 2) {
  const text = `{ host: { ip_address: 192.168.0.10 }, services: { ray: { cpu: { cpus: ${cpus} } } } }`;
  const places = {
    configFile: join(folder, "config.yaml"),
    configFolder: folder,
    root: folder,
    stateDir: join(folder, ".ws"),
  };
  const plan = planHere(settingsOf(text), places);
  if (!plan.ok) throw new Error(JSON.stringify(plan.error));
  return writeComposeFiles(plan.value, folder, { check });
}

async function run(folder: string, check: boolean) {
  const result = await write(folder, check);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  const { written, unchanged, stale } = result.value;
  return { written, unchanged, stale };
}

const BOTH = ["compose.yaml", "cluster-test.compose.yaml"];

test("the first run writes both files and nothing else, the second finds them as they should be", async () => {
  const folder = await emptyFolder();
  expect(await run(folder, false)).toEqual({ written: BOTH, unchanged: [], stale: [] });
  expect((await readdir(folder)).sort()).toEqual([...BOTH].sort());
  expect(await run(folder, false)).toEqual({ written: [], unchanged: BOTH, stale: [] });
});

test("a file that ws wrote for an earlier config.yaml is overwritten", async () => {
  const folder = await emptyFolder();
  await run(folder, false);
  const changed = await write(folder, false, 1);
  expect(changed).toMatchObject({ ok: true, value: { written: ["compose.yaml"] } });
  expect(parse(await readFile(join(folder, "compose.yaml"), "utf8")).services["ray-cpu"].cpus).toBe(1);
});

test("--check names what is missing or was changed by hand, and writes nothing", async () => {
  const folder = await emptyFolder();
  expect(await run(folder, true)).toEqual({ written: [], unchanged: [], stale: BOTH });
  expect(await readdir(folder)).toEqual([]);
  await run(folder, false);
  const file = join(folder, "compose.yaml");
  await writeFile(file, `${await readFile(file, "utf8")}# by hand\n`);
  expect(await run(folder, true)).toEqual({ written: [], unchanged: BOTH.slice(1), stale: ["compose.yaml"] });
  expect(await readFile(file, "utf8")).toContain("# by hand");
});

test("B10 D15 if one file was not written by ws, was changed by hand, or is a link, both files stay as they are", async () => {
  const folder = await emptyFolder();
  await run(folder, false);
  const file = join(folder, "compose.yaml");
  const other = join(folder, "cluster-test.compose.yaml");
  const before = await readFile(other, "utf8");
  const refusal = (why: string) => ({
    ok: false,
    error: { reason: "not-our-files", files: [{ file, why }] },
  });

  const byHand = (await readFile(file, "utf8")).replace("restart: unless-stopped", "restart: always");
  for (const [text, why] of [
    [byHand, "changed by hand"],
    ["services: {}\n", "not written by ws"],
    ["", "not written by ws"],
  ] as const) {
    await writeFile(file, text);
    expect(await write(folder, false, 1)).toEqual(refusal(why));
    expect(await readFile(file, "utf8")).toBe(text);
  }

  await rm(file);
  const target = join(folder, "elsewhere.yaml");
  await writeFile(target, marked("services: {}\n"));
  await symlink(target, file);
  expect(await write(folder, false, 1)).toEqual(refusal("not a regular file"));
  expect(await readFile(target, "utf8")).toBe(marked("services: {}\n"));
  expect(await readFile(other, "utf8")).toBe(before);
});

test("B10 a draft is not written through a link", async () => {
  const folder = await emptyFolder();
  const victim = join(folder, "victim");
  await writeFile(victim, "theirs");
  await symlink(victim, join(folder, `.compose.yaml.${process.pid}`));
  await run(folder, false);
  expect(await readFile(victim, "utf8")).toBe("theirs");
});

test("B10 ws recognizes every marked text, and no other", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ minLength: 1 }), (text, more) => {
      expect(whyNotOurs(marked(text))).toBe(undefined);
      expect(whyNotOurs(`${marked(text)}${more}`)).toBe("changed by hand");
      expect(whyNotOurs(text)).toBe("not written by ws");
    }),
  );
});
