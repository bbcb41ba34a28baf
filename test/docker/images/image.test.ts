import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root, TestEngine } from "../../fixtures/docker/engine.ts";
import { RAY_IMAGE } from "../../fixtures/docker/ray-images.ts";
import { until } from "../../fixtures/until.ts";

const engine = TestEngine.open();
const NODE_FILE = join(root, "docker/Dockerfile");
const HEALTH_FILE = join(root, "docker/health.Dockerfile");
const VERSION = /^ray, version \d+\.\d+\.\d+$/m;
/** Ray's smallest object store, so that the engine's default /dev/shm holds it. */
const SMALL = ["--", "--object-store-memory=80000000", "--num-cpus=1"];

let image: string;
let healthImage: string;
let network: string;

beforeAll(async () => {
  await execa("sh", ["scripts/setup.sh"], { cwd: root });
  image = await engine.build("node", { file: NODE_FILE });
  healthImage = await engine.build("health", { file: HEALTH_FILE });
  network = await engine.network("net");
  const options = ["--network", network, "--network-alias", "health"];
  await engine.becomes(await engine.start("health", healthImage, [], options), "healthy");
});

/** A node that is its own HEAD, ready to be looked at. */
async function startNode(part: string, options: string[] = []): Promise<string> {
  const env = ["--env", `HEAD_WHITELIST=${part}`, "--env", "RAY_USAGE_STATS_ENABLED=0"];
  const place = ["--network", network, "--hostname", part];
  const name = await engine.start(part, image, SMALL, [...place, ...env, ...options]);
  await says(name, "✓ Ray cluster is ready!");
  return name;
}

const says = (name: string, words: string) =>
  until(
    `"${words}" in the log of ${name}`,
    async () => (await engine.must("logs", name)).includes(words),
    120_000,
  );

async function loginFindsRay(name: string, of: string): Promise<void> {
  const container = await engine.start(`login-${name}`, of, ["sleep", "infinity"]);
  const su = (command: string) =>
    engine.docker("exec", "--user", "root", container, "su", "-", "ray", "-c", command);

  expect((await su("ray --version")).text).toMatch(VERSION);
  expect((await su("python3 -c 'import ray; print(ray.__name__)'")).text).toBe("ray");
  expect((await su("echo $PATH")).text).toMatch(/^\/home\/ray\/anaconda3\/bin:/);
  expect((await engine.docker("exec", container, "ray", "--version")).text).toMatch(VERSION);
  const login = await engine.docker("exec", container, "bash", "-lc", "command -v ray");
  expect(login.text).toBe("/home/ray/anaconda3/bin/ray");
  await engine.must("rm", "--force", container);
}

const check = (name: string) => engine.docker("exec", name, "/opt/ray-entrypoint/health-check.sh");

describe("words after the image's name", () => {
  test("a command runs as the ray user, with Ray's PATH", async () => {
    expect((await engine.run(image, ["ray", "--version"])).text).toMatch(VERSION);
    const { text } = await engine.run(image, ["sh", "-c", "id -u; id -g; echo $HOME; command -v python3"]);
    expect(text.split("\n")).toEqual(["1000", "100", "/home/ray", "/home/ray/anaconda3/bin/python3"]);
  });

  test("a command's exit code and its signals are its own", async () => {
    expect((await engine.run(image, ["sh", "-c", "exit 7"])).code).toBe(7);
    const trap = "trap 'echo caught; exit 3' TERM; echo waiting; while :; do sleep 0.1; done";
    const name = await engine.start("trap", image, ["sh", "-c", trap]);
    await says(name, "waiting");
    await engine.must("stop", name);
    expect(await engine.inspect(name, ".State.ExitCode")).toBe(3);
    expect(await engine.must("logs", name)).toContain("caught");
  });

  test("options reach the entrypoint", async () => {
    expect((await engine.run(image, ["--help"])).text).toContain("Usage: entrypoint.js");
    const dry = await engine.run(image, ["--dry-run"], ["--hostname", "stranger"]);
    expect(dry.text).toContain("HEAD_WHITELIST");
    expect(dry.text).toMatch(/stranger/);
    const wrong = await engine.run(image, ["--dry-rum"]);
    expect(wrong).toMatchObject({ code: 78, text: expect.stringContaining("--dry-rum") });
  });

  test("`docker run -it … bash` is a shell at a terminal", async () => {
    const command = `docker run --rm -it ${image} bash`;
    const { stdout, exitCode } = await execa("script", ["-qec", command, "/dev/null"], {
      input: "tty\nray --version\nexit 5\n",
      reject: false,
    });
    expect(stdout).toMatch(/^\/dev\/pts\/0\r?$/m);
    expect(stdout).not.toContain("no job control");
    expect(stdout).toContain("ray, version ");
    expect(exitCode).toBe(5);
  });

  test("a container that runs a command counts as healthy, and says that it is no node", async () => {
    const name = await engine.start("command", image, ["sleep", "infinity"], ["--health-interval", "1s"]);
    await engine.becomes(name, "healthy");
    expect((await check(name)).text).toBe("✓ This container runs sleep and no Ray node");
  });
});

describe("login shells find Ray whatever the base's dotfiles say", () => {
  const bases: readonly { name: string; spoil: string }[] = [
    { name: "bash-profile", spoil: "echo 'PATH=/usr/bin:/bin' > ~/.bash_profile" },
    { name: "bash-login", spoil: "rm -f ~/.profile; printf 'set -eu\\nPATH=/bin' > ~/.bash_login" },
    { name: "early-return", spoil: "printf 'PATH=/usr/bin:/bin\\nreturn 0\\n' > ~/.profile" },
    { name: "no-dotfiles", spoil: "rm -f ~/.profile ~/.bashrc" },
  ];

  test("as it is", () => loginFindsRay("as-it-is", image));

  test.each(bases)("$name", async ({ name, spoil }) => {
    const base = await engine.build(`base-${name}`, { text: `FROM ${RAY_IMAGE}\nRUN ${spoil}\n` });
    const spoiled = await engine.build(`login-${name}`, { file: NODE_FILE }, { BASE: base });
    await loginFindsRay(name, spoiled);
  });
});

describe("a node", () => {
  let node: string;
  beforeAll(async () => {
    node = await startNode("alone");
  });

  test("has tini as PID 1, and leaves no zombie of `docker exec`", async () => {
    expect(await engine.must("exec", node, "cat", "/proc/1/comm")).toBe("tini");
    await engine.must("exec", node, "sh", "-c", "(sleep 0.1 &) ; exit 0");
    await until(
      "no zombie",
      async () => !(await engine.must("exec", node, "ps", "-eo", "stat=")).includes("Z"),
    );
  });

  test("is healthy when its cluster lists it as ALIVE, and says in which", async () => {
    await engine.becomes(node, "healthy");
    // The address at which this node's raylet reaches the GCS.
    expect((await check(node)).text).toMatch(
      /^✓ alone is ALIVE as HEAD in cluster [0-9a-f]{8} of \d+\.\d+\.\d+\.\d+:6379 \(Ray .+\)$/,
    );
  });

  test("is not healthy while its supervisor is frozen, and is again when it goes on", async () => {
    const entrypoint = await engine.must("exec", node, "pgrep", "-f", "^/opt/ray-entrypoint/bin/node ");
    await engine.must("exec", node, "kill", "-STOP", entrypoint);
    await until("the note to lapse", async () => (await check(node)).code === 1, 30_000);
    expect((await check(node)).text).toMatch(
      /^✗ The cluster last listed this node as ALIVE .* too long ago: alone is ALIVE/,
    );
    await engine.must("exec", node, "kill", "-CONT", entrypoint);
    await until("the note to be renewed", async () => (await check(node)).code === 0, 30_000);
  });

  test("is not healthy after its Ray was stopped, until it is ALIVE again", async () => {
    await engine.must("exec", node, "ray", "stop", "--force");
    await until("the note to go", async () => (await check(node)).code === 1, 30_000);
    expect((await check(node)).text).toContain("✗ The cluster does not list this node as ALIVE");
    await until("a new life", async () => (await check(node)).code === 0, 180_000);
  });

  test("is not healthy after `docker restart` until its new life is ALIVE", async () => {
    await engine.must("restart", node);
    await until("the old note to go", async () => (await check(node)).code === 1);
    await until("a new life", async () => (await check(node)).code === 0, 180_000);
  });

  test("that is a WORKER is not healthy while its HEAD is silent, though all its processes live", async () => {
    const env = ["HEAD_WHITELIST=alone", "HEAD_ADDRESS=alone:6379"].flatMap((each) => ["--env", each]);
    const worker = await engine.start("follower", image, SMALL, [
      "--network",
      network,
      "--hostname",
      "follower",
      ...env,
    ]);
    await until("it to join", async () => (await check(worker)).code === 0, 180_000);
    expect((await check(worker)).text).toContain("✓ follower is ALIVE as WORKER in cluster");
    await engine.must("pause", node);
    await until("the note to lapse", async () => (await check(worker)).code === 1, 30_000);
    expect((await engine.must("exec", worker, "pgrep", "-c", "raylet")).trim()).not.toBe("0");
    await engine.must("unpause", node);
    await until("the note to be renewed", async () => (await check(worker)).code === 0, 60_000);
    await engine.must("rm", "--force", worker);
  });

  test("stops on `docker stop` by itself, with exit code 0", async () => {
    await engine.must("stop", node);
    expect(await engine.inspect(node, ".State.ExitCode")).toBe(0);
  });

  test("that starts as root runs Ray as the ray user, who owns its files", async () => {
    const name = await startNode("rooted", ["--user", "root"]);
    const who = await engine.must("exec", name, "ps", "-o", "user=", "-C", "raylet");
    expect(who.trim()).toBe("ray");
    const ids = await engine.must(
      "exec",
      name,
      "bash",
      "-c",
      "grep -E '^(Uid|Gid|Groups)' /proc/$(pgrep -x raylet)/status",
    );
    const own = (await engine.must("exec", name, "id", "-G", "ray")).trim().split(" ");
    // The user's own groups, and none of root's is left.
    expect(own).not.toContain("0");
    expect(ids.split("\n").map((line) => line.trim().split(/\s+/).join(" "))).toEqual([
      "Uid: 1000 1000 1000 1000",
      "Gid: 100 100 100 100",
      `Groups: ${own.toSorted((a, b) => Number(a) - Number(b)).join(" ")}`,
    ]);
    expect(await engine.must("exec", name, "stat", "-c", "%U", "/tmp/ray")).toBe("ray");
    expect((await check(name)).code).toBe(0);
    expect((await engine.docker("exec", "--user", "1000", name, "ray", "status")).code).toBe(0);
    await engine.must("rm", "--force", name);
  });

  test("says nothing of its own below another init", async () => {
    const { text } = await engine.run(image, ["true"], ["--init"]);
    expect(text).toBe("");
  });
});

describe("the health service's image", () => {
  const HARD = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];

  test("needs no root, no writable file system and no capability, and keeps its state on a volume", async () => {
    const folder = "/var/lib/ray-entrypoint";
    const state = [
      "--volume",
      `${await engine.volume("state")}:${folder}`,
      "--env",
      `RAY_EP_HEALTH_STATE_DIR=${folder}`,
    ];
    const name = await engine.start(
      "hard",
      healthImage,
      [],
      [...HARD, ...state, "--env", "RAY_EP_HEALTH_PORT=9000"],
    );
    await engine.becomes(name, "healthy");
    expect(await engine.must("exec", name, "id", "-u")).toBe("1000");
    expect((await engine.docker("exec", name, "touch", "/var/lib/ray-entrypoint/x")).code).toBe(0);
    expect((await engine.docker("exec", name, "touch", "/opt/x")).code).not.toBe(0);
    expect((await engine.docker("exec", name, "sh", "-c", "command -v ray")).code).not.toBe(0);
  });

  test("stops at once on `docker stop`", async () => {
    const name = await engine.start("stops", healthImage, [], HARD);
    await engine.becomes(name, "healthy");
    const began = performance.now();
    await engine.must("stop", name);
    expect(await engine.inspect(name, ".State.ExitCode")).toBe(0);
    expect(performance.now() - began).toBeLessThan(8000);
  });

  test("is unhealthy when the service does not answer", async () => {
    const name = await engine.start(
      "frozen",
      healthImage,
      [],
      ["--health-interval", "1s", "--health-timeout", "1s"],
    );
    await engine.becomes(name, "healthy");
    await engine.must("kill", "--signal", "STOP", name);
    await engine.becomes(name, "unhealthy");
    await engine.must("rm", "--force", name);
  });
});

describe("building", () => {
  let context: string;
  beforeAll(async () => {
    context = await mkdtemp(join(tmpdir(), "image-test-"));
  });
  afterAll(() => rm(context, { recursive: true, force: true }));

  const layers = async (name: string) => (await engine.inspect(name, ".RootFS.Layers")) as string[];

  test("a changed bundle makes two new layers, itself and what V8 makes of it, and no other", async () => {
    for (const part of ["docker", "dist", ".dockerignore"])
      await cp(join(root, part), join(context, part), { recursive: true });
    const build = (name: string) => engine.build(name, { file: join(context, "docker/Dockerfile"), context });
    // Another lane that built the same layers at the same moment left a second one of each in the builder's cache.
    const unchanged = await build("unchanged");
    await writeFile(join(context, "dist/entrypoint.js"), `// ${Date.now()}\n`);
    const changed = await build("changed");
    const [before, after] = [await layers(unchanged), await layers(changed)];
    expect(after.length).toBe(before.length);
    expect(after.slice(0, -2)).toEqual(before.slice(0, -2));
    expect(after.at(-2)).not.toBe(before.at(-2));
  });

  test.each(["ray", "root"])(
    "V8's form of the entrypoint is taken by %s, and nobody but root may change it",
    async (user) => {
      const cache = "/opt/ray-entrypoint/cache";
      const program = `
        const [{ readFileSync }, { wrap }, { Script }] = ["fs", "module", "vm"].map((each) => require(each));
        const [text, copy] = ["..", "."].map((at) => readFileSync(at + "/entrypoint.js", "utf8"));
        const script = new Script(wrap(text), { cachedData: readFileSync("entrypoint.v8") });
        console.log(text === copy, script.cachedDataRejected);`;
      const node = ["/opt/ray-entrypoint/bin/node", "--min-semi-space-size=4", "-e", program];
      const where = ["--user", user, "--workdir", cache];
      expect(await engine.run(image, node, where)).toEqual({ code: 0, text: "true false" });
      const loose = `find ${cache} ! -user root -o ! -type l -perm /022`;
      expect(await engine.run(image, ["bash", "-c", loose], ["--user", user])).toEqual({ code: 0, text: "" });
    },
  );

  test("the image is its base, Node's binary and less than three megabytes", async () => {
    const size = async (name: string) => (await engine.inspect(name, ".Size")) as number;
    const [own, base] = [await size(image), await size(RAY_IMAGE)];
    const node = Number((await engine.run(image, ["stat", "-c", "%s", "/opt/ray-entrypoint/bin/node"])).text);
    console.log(
      `the image adds ${((own - base) / 1e6).toFixed(1)} MB to its base, Node's ${(node / 1e6).toFixed(1)} MB among them`,
    );
    expect(own - base - node).toBeLessThan(3e6);
  });

  test("what the image declares", async () => {
    expect(await engine.inspect(image, ".Config")).toMatchObject({
      User: "ray",
      WorkingDir: "/home/ray",
      StopSignal: "SIGTERM",
      Entrypoint: [
        "/opt/ray-entrypoint/bin/tini",
        "-s",
        "--",
        "/bin/sh",
        "/opt/ray-entrypoint/entrypoint.sh",
      ],
    });
  });
});
