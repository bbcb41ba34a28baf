import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../../test/fixtures/until.ts";
import { readProcess } from "../local/processes.ts";
import { dockerRunner, endingWith } from "./engine.ts";

let folder: string;

/** A `docker` that leaves a child behind which holds its output and hears no TERM, and then hangs itself. */
const HANGS = `#!/bin/sh
trap '' TERM
sleep 600 &
echo "$! $$" > "$0.pids.new"
mv "$0.pids.new" "$0.pids"
wait
`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ws-engine-"));
  writeFileSync(join(folder, "docker"), HANGS);
  chmodSync(join(folder, "docker"), 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

const pidsFile = () => join(folder, "docker.pids");
const run = () => dockerRunner({ PATH: `${folder}:${process.env.PATH}` });

/** A zombie counts as gone: whoever has to reap it is not ours. */
const expectNobodyLeft = () =>
  until("all that docker had started to be gone", () =>
    readFileSync(pidsFile(), "utf8")
      .trim()
      .split(" ")
      .every((pid) => readProcess(Number(pid)) === undefined),
  );

test("an engine that hangs is left after the time given, with all that docker had started", async () => {
  const answer = await run()(["ps"], { timeoutMs: 1000 });
  expect(answer).toMatchObject({ ok: false, error: { command: "docker ps" } });
  await expectNobodyLeft();
});

test("each question of a cluster ends with the signal that it was given", async () => {
  const stop = new AbortController();
  const engine = endingWith({ docker: run(), compose: run(), host: "127.0.0.1" }, stop.signal);
  const answer = engine.docker(["ps"]);
  await until("docker to run", () => existsSync(pidsFile()));
  stop.abort();
  expect((await answer).ok).toBe(false);
  await expectNobodyLeft();
});
