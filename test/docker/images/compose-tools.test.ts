import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { root } from "../../fixtures/docker/engine.ts";
import { leftOut } from "../../fixtures/lab.ts";

/** Both tools load each kind of cluster: what a schema calls valid, one of them may still refuse. */
const GOLDEN = join(root, "test/golden/compose");
const TOOLS = { "docker compose": ["docker", "compose"], "docker-compose 1.29": ["docker-compose"] };

/** In the lab both are there; elsewhere each where it is installed. */
const isHere = ([program = "", ...words]: readonly string[]): boolean =>
  !leftOut(spawnSync(program, [...words, "version"]).status === 0);

describe.each(Object.entries(TOOLS))("%s", (_, tool) => {
  const [program = "", ...words] = tool;
  test.runIf(isHere(tool)).each(readdirSync(GOLDEN))(
    "loads the files of a cluster that is %s",
    async (kind) => {
      for (const name of readdirSync(join(GOLDEN, kind))) {
        const file = join(GOLDEN, kind, name);
        const ran = await execa(program, [...words, "--file", file, "config", "--quiet"], {
          reject: false,
          all: true,
        });
        expect(ran.exitCode, ran.all).toBe(0);
      }
    },
  );
});
