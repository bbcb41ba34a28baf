import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root, TestEngine } from "../../fixtures/docker/engine.ts";
import { RAY_IMAGE } from "../../fixtures/docker/ray-images.ts";
import { serveWheels } from "../../fixtures/docker/wheel-index.ts";
import { until } from "../../fixtures/until.ts";

const engine = TestEngine.open();
const NODE_FILE = `${root}/docker/Dockerfile`;
/** Debian with Python, bash and no Ray. */
const BARE = "ray-ep-lab/base:latest";
const SMALL = ["--", "--object-store-memory=80000000", "--num-cpus=1"];
/** The lab's wheels, where a lab is in use: its containers have no way out. */
const { LAB_WHEELS, HOST_IP = "" } = process.env;

/** Ray of the usual image, moved to other folders, with the first lines of its programs. */
const rayAt = (lib: string, bin: string, python: string) => `
COPY --from=${RAY_IMAGE} /home/ray/anaconda3/lib/python3.11/site-packages ${lib}
COPY --from=${RAY_IMAGE} /home/ray/anaconda3/bin/ray ${bin}/ray
RUN sed -i '1s|.*|#!${python}|' ${bin}/ray
`;
const IN_USR_LOCAL = rayAt("/usr/local/lib/python3.11/dist-packages", "/usr/local/bin", "/usr/bin/python3");
const IN_VENV = `RUN python3 -m venv --without-pip /opt/venv
${rayAt("/opt/venv/lib/python3.11/site-packages", "/opt/venv/bin", "/opt/venv/bin/python3")}`;

/** What each base is, and the uid that Ray must run as in it. */
const BASES = [
  { name: "user-ray", base: `FROM ${RAY_IMAGE}`, uid: "1000" },
  { name: "root-usr-local", base: `FROM ${BARE}${IN_USR_LOCAL}`, uid: "0" },
  { name: "root-venv", base: `FROM ${BARE}\n${IN_VENV}`, uid: "0" },
  { name: "uid-1001", base: `FROM ${BARE}\n${IN_VENV}USER 1001`, uid: "1001" },
  {
    name: "uid-1000-ubuntu",
    base: `FROM ${BARE}${IN_USR_LOCAL}RUN useradd --uid 1000 --create-home ubuntu\nUSER ubuntu`,
    uid: "1000",
  },
  { name: "no-apt-get", base: `FROM ${BARE}${IN_USR_LOCAL}RUN rm -f /usr/bin/apt*`, uid: "0" },
] as const;

let carrier: string;
let network: string;
beforeAll(async () => {
  carrier = await engine.build("carrier", { file: `${root}/docker/carrier.Dockerfile` });
  network = await engine.network("bases");
});

/** README's Dockerfile, on this base. */
const twoLines = (base: string): string => {
  const [, from = "", lines = ""] =
    /```dockerfile\n(FROM .*)\n([^`]*)```/.exec(readFileSync(`${root}/README.md`, "utf8")) ?? [];
  expect(from).not.toBe("");
  return `${base}\n${lines.replace("--from=ray-entrypoint", `--from=${carrier}`)}`;
};

const start = (image: string, part: string, head: string) => {
  const env = [`HEAD_WHITELIST=${head}`, "HEALTH_URL=none", "RAY_USAGE_STATS_ENABLED=0"];
  const options = env.flatMap((each) => ["--env", each]);
  return engine.start(part, image, SMALL, [
    "--network",
    network,
    "--hostname",
    part,
    "--network-alias",
    part,
    ...options,
  ]);
};

/** A HEAD and a WORKER of `image` find each other, and their raylets run as `uid`. */
async function makesCluster(image: string, name: string, uid: string): Promise<void> {
  const head = `${name}-head`;
  const nodes = [await start(image, head, head), await start(image, `${name}-worker`, head)];
  for (const [i, words] of ["Mode: head", "Mode: worker"].entries()) {
    const node = nodes[i] ?? "";
    await until(
      `${node} to be ready`,
      async () => (await engine.must("logs", node)).includes("watching"),
      180_000,
    );
    expect(await engine.must("logs", node)).toContain(words);
    expect(await engine.must("exec", node, "sh", "-c", "stat -c %u /proc/$(pgrep -x raylet)")).toBe(uid);
    expect((await engine.docker("exec", node, "/opt/ray-entrypoint/health-check.sh")).text).toContain("✓ ");
  }
  await engine.must("rm", "--force", ...nodes);
}

describe("two lines make a node of any base with glibc and Ray", () => {
  test.each(BASES)("$name", async ({ name, base, uid }) => {
    const image = await engine.build(`base-${name}`, { text: twoLines(base) });
    await makesCluster(image, name, uid);
    // The carrier itself has them, for ws.
    expect((await engine.run(image, ["sh", "-c", "ls -d /opt/ws; command -v docker"])).text).not.toMatch(
      /^\//m,
    );
  });
});

test.each([
  {
    name: "glibc",
    // A shell that needs no C library, as that of Alpine needs another one.
    base: `FROM ${BARE} AS shell\nFROM scratch\nCOPY --from=shell /bin/busybox /bin/sh`,
    refusal: /^✗ This image has no glibc .* → Use a base such as/,
    code: 78,
  },
  {
    name: "bash",
    base: `FROM ${BARE}\nRUN rm -f /bin/bash /usr/bin/bash`,
    refusal: /^✗ This image has no \/bin\/bash, .* → Install bash/,
    code: 78,
  },
  {
    name: "a shell",
    base: "FROM scratch",
    // In tini's words.
    refusal: /exec \/bin\/sh failed: No such file or directory$/,
    code: 127,
  },
])("a base without $name is refused in one line", async ({ name, base, refusal, code: wanted }) => {
  const tag = `no-${name.replace("a ", "")}`;
  const { code, text } = await engine.run(await engine.build(tag, { text: twoLines(base) }));
  expect({ code, text }).toEqual({ code: wanted, text: expect.stringMatching(refusal) });
});

describe("a base without Ray", () => {
  let index: Awaited<ReturnType<typeof serveWheels>> | undefined;
  beforeAll(async () => {
    if (LAB_WHEELS !== undefined) index = await serveWheels(LAB_WHEELS, HOST_IP);
  });
  afterAll(() => index?.close());

  const from = () => (index === undefined ? {} : { PIP_INDEX_URL: index.url, PIP_TRUSTED_HOST: index.host });
  /** Our Dockerfile on this base, which must bring the Ray that the other images have. */
  async function install(base: string, name: string): Promise<string> {
    const version = (
      await engine.run(RAY_IMAGE, ["python", "-c", "import ray; print(ray.__version__)"])
    ).text.trim();
    const args = { BASE: base, RAY_USER: "root", RAY_VERSION: version, ...from() };
    const image = await engine.build(name, { file: NODE_FILE }, args);
    expect((await engine.run(image, ["ray", "--version"])).text).toContain(version);
    return image;
  }

  test("RAY_VERSION installs that Ray", async () => {
    await makesCluster(await install(BARE, "installed"), "installed", "0");
  });

  test("with uv, where the base has it", async () => {
    const env = Object.entries(from()).map(([name, value]) => `${name}=${value}`);
    const uv = `RUN python3 -m venv /opt/uv && ${env.join(" ")} /opt/uv/bin/pip install --quiet uv && cp /opt/uv/bin/uv /usr/local/bin/`;
    const image = await install(await engine.build("with-uv", { text: `FROM ${BARE}\n${uv}` }), "by-uv");
    expect((await engine.run(image, ["cat", "/opt/venv/pyvenv.cfg"])).text).toMatch(/^uv = /m);
  });

  const NO_RAY = "No Ray in this image: use a base with Ray, or --build-arg RAY_VERSION=";

  test("ends our build, and a node of two lines, with the same sentence", async () => {
    await expect(
      engine.build("no-ray", { file: NODE_FILE }, { BASE: BARE, RAY_USER: "root" }),
    ).rejects.toThrow(NO_RAY);
    const image = await engine.build("no-ray", { text: twoLines(`FROM ${BARE}`) });
    expect(await engine.run(image)).toMatchObject({ code: 127, text: expect.stringContaining(NO_RAY) });
  });
});
