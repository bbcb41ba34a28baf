import { chmod, cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root, TestEngine } from "../../fixtures/docker/engine.ts";

const engine = TestEngine.open();
let context: string;

/** A checkout that was cloned and built with a umask of 077, on a file system without the execute bit. */
beforeAll(async () => {
  await execa("sh", ["scripts/setup.sh"], { cwd: root });
  context = await mkdtemp(join(tmpdir(), "modes-"));
  for (const part of ["docker", "dist"]) {
    await cp(join(root, part), join(context, part), { recursive: true });
    for (const name of await readdir(join(context, part))) await chmod(join(context, part, name), 0o600);
    await chmod(join(context, part), 0o700);
  }
});
afterAll(() => rm(context, { recursive: true, force: true }));

describe("D4 files of mode 0600 in the checkout", () => {
  test("the node's image works for its user, and nobody but root may change what it runs", async () => {
    const image = await engine.build("closed-node", { file: join(context, "docker/Dockerfile"), context });
    const dry = await engine.run(image, ["--dry-run"], ["--env", "HEAD_WHITELIST=127.0.0.1:9"]);
    expect(dry.text).toContain("HEAD_WHITELIST");
    expect((await engine.run(image, ["bash", "-lc", "ray --version"])).text).toMatch(/^ray, version /m);
    const check = await engine.run(image, ["/opt/ray-entrypoint/health-check.sh"]);
    expect(check.text).toContain("✓ This container runs");
    const loose = await engine.run(image, ["find", "/opt/ray-entrypoint", "-type", "f", "-perm", "/022"]);
    expect(loose).toEqual({ code: 0, text: "" });
  });

  test("the health service's image becomes healthy", async () => {
    const file = join(context, "docker/health.Dockerfile");
    const image = await engine.build("closed-health", { file, context });
    await engine.becomes(await engine.start("closed-health", image), "healthy");
  });
});
