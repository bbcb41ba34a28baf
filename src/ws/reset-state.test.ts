import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FakeEngine, inspected } from "../../test/fixtures/docker/fake-engine.ts";
import { foldersOf, nodeState } from "./drivers/local/machine.ts";

const ID = "0".repeat(64);
const engineWith = (running: boolean, said = "aside", volume = "kept") => `
  version*) echo 28.1 ;;
  "context inspect"*) echo unix:///run/docker.sock ;;
  "ps "*) echo ${ID} ;;
  inspect*) cat <<'JSON'
${inspected({ service: "ray-cpu", running })}
JSON
  ;;
  "volume ls"*) echo ${volume} ;;
  run*) echo ${said} ;;`;

test("docker: a container with the node's image puts aside what is in its volume, while the node does not run", async () => {
  const engine = new FakeEngine(engineWith(true));
  const inUse = await engine.ws(["reset-state", "ray-cpu"]);
  expect(inUse).toMatchObject({ code: 2, err: expect.stringContaining("✗ ray-cpu runs") });
  expect(readFileSync(engine.asked, "utf8")).not.toMatch(/^run/m);

  engine.says(engineWith(false));
  const done = await engine.ws(["reset-state", "ray-cpu"]);
  expect(done, done.err).toMatchObject({ code: 0, out: expect.stringContaining("is put aside") });
  expect(readFileSync(engine.asked, "utf8")).toMatch(
    /^run --rm --network none --volume cslr-exp-platform-ray-cpu-state:\/opt\/ray-entrypoint\/state --entrypoint sh cslr-exp-platform-\S+ -c cd/m,
  );
  engine.says(engineWith(false, ""));
  expect((await engine.ws(["reset-state", "ray-cpu"])).out).toContain("has kept nothing");
  expect((await engine.ws(["reset-state", "ray-tpu"])).code).toBe(78);
  // `docker run` would make the volume.
  engine.says(engineWith(false, "aside", ""));
  expect((await engine.ws(["reset-state", "ray-cpu"])).out).toContain("has kept nothing");
});

test("embedded: so is what lies in the node's folder", async () => {
  const engine = new FakeEngine("");
  const folder = nodeState(foldersOf(join(engine.root, ".ws")), "ray-cpu");
  mkdirSync(join(folder, "gcs"), { recursive: true });
  const reset = () => engine.ws(["--runtime", "embedded", "reset-state", "ray-cpu"]);
  expect((await reset()).out).toContain("is put aside");
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^gcs-aside-/)]);
  expect((await reset()).out).toContain("has kept nothing");
});
