import { constants } from "node:os";
import { beforeAll, describe, expect, test } from "vitest";
import { env, LoneNodes, NODE, PROGRAM } from "../../fixtures/docker/lone-nodes.ts";
import { until } from "../../fixtures/until.ts";

/** The supervisor behind each init that there is, and behind none. */
const nodes = LoneNodes.open();
const { engine } = nodes;

const ORPHANS = "for ((i = 0; i < 1000; i++)); do (sleep 0.1 &); done";

/** 1 to 31 without those that nobody can catch (9, 19), that stop the node, and that show a broken program. */
const HARMLESS = Object.values(constants.signals).filter(
  (number) => number <= 31 && ![2, 3, 4, 7, 8, 9, 11, 15, 19].includes(number),
);

const AS_PID_1 = ["--entrypoint", NODE];

describe.each([
  { how: "behind the image's tini", options: [], words: [], first: "tini" },
  { how: "behind `docker run --init`", options: ["--init"], words: [], first: "docker-init" },
  { how: "as PID 1, with an init in the image", options: AS_PID_1, words: [PROGRAM], first: "tini" },
])("$how", ({ options, words, first }) => {
  let name: string;
  beforeAll(async () => {
    name = await nodes.keep([...options, ...env({ FAKE_RAY_ORPHANS: 1000 })], nodes.image, words);
    await nodes.says(name, "fake ray runs");
  });

  test("an init is PID 1, and nothing warns", async () => {
    expect(await nodes.inside(name, "cat /proc/1/comm")).toBe(first);
    expect(await nodes.logs(name)).not.toContain("finds no init");
  });

  test("row 18: no zombie is left of 1,000 orphans of Ray's, and of 1,000 of `docker exec`", async () => {
    await nodes.inside(name, ORPHANS);
    await until("no zombie", async () => (await nodes.zombies(name)) === 0);
  });

  test("each signal that can be caught and is no word to stop leaves the node alive", async () => {
    const supervisor = await nodes.supervisor(name);
    for (const signal of HARMLESS) await engine.must("kill", "--signal", String(signal), name);
    // An init keeps some of them for itself.
    await nodes.inside(name, HARMLESS.map((signal) => `kill -${signal} ${supervisor}`).join("; "));
    expect(await nodes.supervisor(name)).toBe(supervisor);
    expect(await nodes.inside(name, `cut -d' ' -f3 /proc/${supervisor}/stat`)).not.toBe("T");
    expect(await nodes.logs(name)).not.toContain("Debugger listening");
    // 9229, as the kernel writes it.
    expect(await nodes.inside(name, "cat /proc/net/tcp /proc/net/tcp6")).not.toContain(":240D");
  });

  test("`docker stop` drains and ends it with 0", async () => {
    await engine.must("stop", name);
    expect(await engine.inspect(name, ".State.ExitCode")).toBe(0);
    const text = await nodes.logs(name);
    expect(text).toContain("fake ray: TERM");
    expect(text).toContain("✓ Stopped on SIGTERM");
  });
});

describe("as PID 1, without an init in the image", () => {
  let image: string;
  beforeAll(async () => {
    const inits = "/usr/bin/tini /usr/bin/tini-static /opt/ray-entrypoint/bin/tini";
    const text = `FROM ${nodes.image}\nUSER root\nRUN rm -f ${inits}\nUSER ray\n`;
    image = await engine.build("no-init", { text });
  });

  const startBare = async (more: string[] = []): Promise<string> => {
    const name = await nodes.start([...AS_PID_1, ...more], image, [PROGRAM]);
    await nodes.says(name, "fake ray runs");
    return name;
  };

  test("it says what will pile up, and it does", async () => {
    const name = await startBare();
    expect(await nodes.inside(name, "readlink /proc/1/exe")).toBe(NODE);
    expect(await nodes.logs(name)).toContain("this program is PID 1 and finds no init");
    await nodes.inside(name, ORPHANS);
    await until("zombies", async () => (await nodes.zombies(name)) > 900);
  });

  test("it lives on under such signals and ends with 0 on `docker stop`", async () => {
    const name = await startBare();
    for (const signal of HARMLESS) await engine.must("kill", "--signal", String(signal), name);
    await engine.must("stop", name);
    expect(await engine.inspect(name, ".State.ExitCode")).toBe(0);
    expect(await nodes.logs(name)).toContain("✓ Stopped on SIGTERM");
  });

  test("`docker run --init` gives it one", async () => {
    const name = await startBare(["--init"]);
    expect(await nodes.inside(name, "cat /proc/1/comm")).toBe("docker-init");
    expect(await nodes.logs(name)).not.toContain("finds no init");
  });
});
