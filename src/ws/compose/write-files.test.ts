import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readSettings, type Settings } from "../settings.ts";
import { writeComposeFiles } from "./write-files.ts";

function settings(): Settings {
  const result = readSettings("host: { ip_address: 192.168.0.10 }");
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value.settings;
}

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ws-generate-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function run(folder: string, check: boolean) {
  const result = await writeComposeFiles(settings(), { folder, root: folder, check });
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
