import { cpSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { EmbeddedWs } from "../fixtures/cluster/embedded-ws.ts";
import { mangledLog } from "../fixtures/mangled.ts";

const root = resolve(import.meta.dirname, "../..");
const cluster = new EmbeddedWs();
const ws = (...words: string[]) => cluster.ws(words, { RAY_EP_LOG: "json" });

/** Other bundles beside it: the same programs, of whose messages only the specification's lines are as they were. */
function reword(folder: string): string {
  const dist = join(folder, "dist");
  cpSync(join(root, "dist"), dist, { recursive: true });
  for (const name of ["entrypoint", "health-server"]) {
    renameSync(join(dist, `${name}.js`), join(dist, `${name}-itself.js`));
    writeFileSync(
      join(dist, `${name}.js`),
      `const { ${mangledLog.name} } = require(${JSON.stringify(join(root, "test/fixtures/mangled.ts"))});
       const { stdout } = process;
       const write = stdout.write.bind(stdout);
       stdout.write = (text) => write(${mangledLog.name}(text));
       require("./${name}-itself.js");`,
    );
  }
  const program = join(folder, "ws");
  writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} ${dist}/ws.js "$@"\n`, { mode: 0o755 });
  return program;
}

const ITS_NODES =
  /✓ ray-cpu: HEAD, ALIVE \(Ray \S+, ray-entrypoint \S+\)\n *✓ ray-gpu: WORKER, ALIVE \(Ray \S+, ray-entrypoint \S+\)\n/;

test("a cluster whose programs say all in other words, and in JSON, holds every line of the checklist", async () => {
  cluster.program = reword(cluster.folder);
  const up = await ws("up");
  expect(up.code, up.text).toBe(0);
  const judged = await ws("test", "--up");
  expect(judged.code, judged.text).toBe(0);
  expect(judged.text).toContain("Mode: worker");
  const log = (await ws("logs", "ray-cpu")).text;
  expect(log).toContain('\\nMode: head","type":"decision"');
  expect(log).not.toContain("Head lease granted");
});

test("and what is wrong in it is found", async () => {
  const late = await ws("test", "--up", "--head", "ray-cpu:1", "--timeout", "20");
  expect(late.code, late.text).toBe(1);
  expect(late.text).toMatch(/→ Likely cause: no HEAD serves at \S+:1; look at that node's log first/);
  // The worker itself gives up some time later, and then there is nothing of it to look at.
  expect((await ws("doctor")).text).toMatch(ITS_NODES);
});
