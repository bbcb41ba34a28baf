import { execFile, execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BUNDLE, fillDisk, HealthServiceProcess } from "../fixtures/health-service-process.ts";
import { until } from "../fixtures/until.ts";

const STOPS_WITHIN_MS = 2000;

let started: HealthServiceProcess[];
let scratch: string;

beforeEach(() => {
  started = [];
  scratch = mkdtempSync(join(tmpdir(), "health-state-"));
});

afterEach(async () => {
  for (const each of started) await each.remove();
  rmSync(scratch, { recursive: true, force: true });
});

async function launch(env: Readonly<Record<string, string>> = {}, ...args: string[]) {
  const server = await HealthServiceProcess.launch(env, args);
  started.push(server);
  return server;
}

const serve = async (env: Readonly<Record<string, string>> = {}) => (await launch(env)).listening();

/** What it prints, where it ends with that exit code. */
async function ends(code: number, env: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
  const server = await launch(env, ...args);
  expect(await server.exit()).toBe(code);
  return server.text;
}

/** It ends on this signal, and soon. */
async function stops(server: HealthServiceProcess, signal: NodeJS.Signals): Promise<void> {
  const beganMs = performance.now();
  server.signal(signal);
  expect(await server.exit()).toBe(0);
  expect(performance.now() - beganMs).toBeLessThan(STOPS_WITHIN_MS);
  expect(server.text).toContain(`→ ${signal} received, stopping`);
}

const NOBODY = { holder: null, epoch: 0 };
const metrics = async (server: HealthServiceProcess) => (await server.call("GET", "/metrics")).body;
const releaseBy = (server: HealthServiceProcess, node: string, epoch: number) =>
  server.call("DELETE", "/v1/head", { node, life: `${node}-1`, epoch });
const granted = (epoch: number) => ({ status: 200, body: { granted: true, epoch } });
const refused = (reason: string) => ({ status: 409, body: { granted: false, reason } });

describe("the bundle alone in an empty folder", () => {
  test("serves without any setting but its port, and says what it does", async () => {
    const server = await serve();
    expect(await server.call("GET", "/")).toEqual({ status: 200, body: "OK" });
    expect(server.text).toContain("head lease: 15 s, in memory, for every node, writes are open");
    expect(await server.ask("ray-cpu")).toMatchObject({ status: 200, body: { epoch: 1, ttl: 15 } });
    await server.says("✓ Head lease granted to ray-cpu at ray-cpu:6379, epoch 1");
  });

  test("--version and --help answer and exit 0; a word that it does not know is 78", async () => {
    expect(await ends(0, {}, "--version")).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await ends(0, {}, "--help")).toContain("RAY_EP_HEALTH_STATE_DIR");
    expect(await ends(78, {}, "--port=80")).toContain("--port");
  });

  test.each([[["--token", "s3cr3t"]], [["--token=s3cr3t"]], [["s3cr3t"]], [["--help=s3cr3t"]]])(
    "B7 no word is repeated that may be a value: %j",
    async (words) => expect(await ends(78, {}, ...words)).not.toContain("s3cr3t"),
  );
});

/** In a network of its own, so that it takes port 8080 from nobody: tests beside this one use it. */
const OWN_NETWORK = ["--net", "--map-root-user"];
const networks = spawnSync("unshare", [...OWN_NETWORK, "ip", "link", "set", "lo", "up"]).status === 0;
/** Starts the bundle with an empty environment, asks it once, and stops it. */
const ASK_ONCE = `
  const { spawn } = require("node:child_process");
  const server = spawn(process.execPath, [process.argv[1]], { env: {}, stdio: "inherit" });
  const ask = () => fetch("http://127.0.0.1:8080/").catch(() => new Promise((r) => setTimeout(r, 20)).then(ask));
  ask().then(async (answer) => {
    console.log(answer.status, await answer.text());
    server.kill();
  });
  process.on("SIGTERM", () => server.kill("SIGKILL"));
  server.on("exit", (code) => process.exit(code));
`;

test('a plain "node health-server.js", with nothing set at all, serves on 8080 of every address', async (context) => {
  if (!networks)
    context.skip("a network namespace cannot be made here, and port 8080 is not this test's own");
  const command = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", process.execPath, "-e", ASK_ONCE];
  const run = promisify(execFile)("unshare", [...OWN_NETWORK, ...command, "--", fileURLToPath(BUNDLE)], {
    timeout: 30_000,
  });
  const { stdout } = await run;
  expect(stdout).toMatch(/listens on http:\/\/0\.0\.0\.0:8080\n/);
  expect(stdout).toContain("200 OK\n");
});

describe("settings", () => {
  test("that are wrong end it with 78 and are all told at once, without any secret", async () => {
    const wrong = {
      RAY_EP_HEALTH_PORT: "80x80",
      RAY_EP_HEALTH_HOST: "no host",
      RAY_EP_HEALTH_STATE_DIR: "not/from/the/root",
      RAY_EP_LEASE_TTL: "-3",
      RAY_EP_HEALTH_TOKEN: "hidden secret",
      RAY_EP_LOG: "loud",
      HEAD_WHITELIST: "ray-cpu ray-cpu",
    };
    const output = await ends(78, wrong);
    for (const name of Object.keys(wrong)) expect(output).toContain(name);
    expect(output).not.toContain("hidden secret");
  });

  test("a token file that cannot be read is 78; one that can is wanted with each write", async () => {
    const missing = { RAY_EP_HEALTH_TOKEN_FILE: join(scratch, "nothing") };
    expect(await ends(78, missing)).toContain("RAY_EP_HEALTH_TOKEN_FILE");
    writeFileSync(join(scratch, "token"), "s3cret\n");
    const server = await serve({ RAY_EP_HEALTH_TOKEN_FILE: join(scratch, "token") });
    expect((await server.ask("thief")).status).toBe(401);
    expect(await server.call("GET", "/v1/cluster")).toMatchObject({ status: 200, body: NOBODY });
    expect(server.text).not.toContain("s3cret");
  });

  test("a port that is in use ends it with 69 and says so", async () => {
    const first = await serve();
    const output = await ends(69, { RAY_EP_HEALTH_PORT: String(first.port) });
    expect(output).toContain(`✗ Cannot listen on 127.0.0.1:${first.port}: the port is in use`);
    expect((await first.call("GET", "/")).status).toBe(200);
  });

  test("a format with the carriage return of a file from Windows is that format", async () => {
    const server = await serve({ RAY_EP_LOG: "json\r" });
    expect(JSON.parse(server.text.split("\n")[0] ?? "")).toMatchObject({ type: "memory", kind: "none" });
  });

  test("a node outside the whitelist is refused", async () => {
    const server = await serve({ HEAD_WHITELIST: "ray-cpu, ray-gpu:6380" });
    expect(await server.ask("stranger")).toMatchObject(refused("not-a-candidate"));
    await server.says("✗ Head lease refused to stranger (not-a-candidate)");
    expect((await server.ask("RAY-GPU")).status).toBe(200);
  });
});

describe("signals", () => {
  test.each(["SIGTERM", "SIGINT", "SIGQUIT"] as const)(
    "%s stops it at once, whatever its clients do",
    async (signal) => {
      const server = await serve({ RAY_EP_HEALTH_STATE_DIR: scratch });
      const clients = [
        "",
        "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "PUT /v1/head HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\n{",
      ];
      const sockets = clients.map(() =>
        connect(server.port, "127.0.0.1")
          .on("error", () => {})
          .setNoDelay(),
      );
      await Promise.all(sockets.map((socket) => once(socket, "connect")));
      sockets.forEach((socket, i) => {
        socket.write(clients[i] ?? "");
      });
      const [, keptAlive] = sockets;
      if (keptAlive !== undefined) await once(keptAlive, "data");
      await stops(server, signal);
      for (const socket of sockets) socket.destroy();
    },
  );

  /** Returns when somebody reads the pipe, which then gets nothing to read. */
  const holdReader = (pipe: string): Promise<number> =>
    until("a reader", () => {
      try {
        return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
      } catch {
        return 0;
      }
    });

  test("SIGTERM ends a start that hangs on its disk at once", async () => {
    const pipe = join(scratch, "lease.json");
    execFileSync("mkfifo", [pipe]);
    const server = await launch({ RAY_EP_HEALTH_STATE_DIR: scratch });
    const held = await holdReader(pipe);
    try {
      await stops(server, "SIGTERM");
    } finally {
      closeSync(held);
    }
  });

  test("SIGTERM ends one whose disk hangs, and until then the disk holds up nobody's renewal", async () => {
    const server = await serve({ RAY_EP_HEALTH_STATE_DIR: scratch });
    await server.ask("ray-cpu");
    execFileSync("mkfifo", [join(scratch, "fault")]);
    const renewal = { epoch: 1, clusterId: "abc" };
    expect(await server.ask("ray-cpu", renewal)).toMatchObject({ status: 200 });
    await server.says("✗ The state cannot be kept on disk: no answer from the disk in 700 ms");
    expect(await server.ask("ray-cpu", renewal)).toMatchObject({ status: 200 });
    expect(await metrics(server)).toContain("ray_ep_lease_storage_ok 0");
    await stops(server, "SIGTERM");
  });

  test("that ask for nothing leave it alone, and none opens an inspector", async () => {
    const server = await serve();
    const terminal = ["SIGTSTP", "SIGTTIN", "SIGTTOU"] as const;
    for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGPIPE", ...terminal] as const)
      server.signal(signal);
    expect((await server.call("GET", "/")).status).toBe(200);
    expect(server.text).not.toContain("Debugger listening");
  });
});

describe("a restart", () => {
  test("with a state folder keeps the epoch and the holder, also after SIGKILL", async () => {
    const env = { RAY_EP_HEALTH_STATE_DIR: join(scratch, "made", "when", "missing") };
    const before = await serve(env);
    await before.ask("ray-cpu", { clusterId: "abc" });
    await releaseBy(before, "ray-cpu", 1);
    expect(await before.ask("ray-gpu")).toMatchObject(granted(2));
    before.signal("SIGKILL");
    await before.exit();

    const after = await serve(env);
    await after.says("→ Remembered epoch 2, held by ray-gpu");
    const body = { epoch: 2, holder: { node: "ray-gpu" } };
    expect(await after.call("GET", "/v1/cluster")).toMatchObject({ body });
    expect(await after.ask("ray-cpu")).toMatchObject(refused("held"));
    expect(await after.ask("ray-gpu", { epoch: 2 })).toMatchObject(granted(2));
  });

  test("without one waits for a living HEAD only where a candidate was silent", async () => {
    const env = { RAY_EP_LEASE_TTL: "12" };
    const silent = await serve(env);
    const asked = await silent.ask("ray-gpu", { others: "silent" });
    expect(asked).toMatchObject({ status: 409, body: { reason: "quiet-period", holder: null } });
    await until(
      "the end of the quiet period",
      async () => (await silent.ask("ray-gpu", { others: "silent" })).status === 200,
    );
    const answered = await serve(env);
    expect(await answered.ask("ray-gpu")).toMatchObject(granted(1));
  });

  test("without one recognises the living HEAD, and grants above its epoch afterwards", async () => {
    const server = await serve();
    expect(await server.ask("ray-cpu", { epoch: 7 })).toMatchObject(granted(7));
    await server.says("✓ Living HEAD recognised: ray-cpu");
    await releaseBy(server, "ray-cpu", 7);
    expect(await server.ask("ray-gpu")).toMatchObject(granted(8));
  });

  test("over a damaged state file keeps the evidence and goes on above its epoch", async () => {
    writeFileSync(join(scratch, "lease.json"), '{"version":1,"epoch":41,"heard":4');
    const server = await serve({ RAY_EP_HEALTH_STATE_DIR: scratch });
    await server.says("✗ The kept state cannot be used");
    expect(readFileSync(join(scratch, "lease.json.damaged"), "utf8")).toContain('"epoch":41');
    expect(await server.ask("ray-gpu")).toMatchObject(granted(42));
  });
});

test("a kept state that cannot be read ends the start with 74 and is left as it is", async () => {
  mkdirSync(join(scratch, "lease.json"));
  const output = await ends(74, { RAY_EP_HEALTH_STATE_DIR: scratch });
  expect(output).toContain("✗ The state that was kept cannot be read: EISDIR");
  expect(output).toContain("lease.json readable for this user");
});

describe("a state folder that cannot be written", () => {
  test("because the disk is full: nothing is granted, it says so, and goes on when there is room again", async () => {
    const empty = fillDisk(scratch);
    const server = await serve({ RAY_EP_HEALTH_STATE_DIR: scratch });
    await server.says("✗ The state cannot be kept on disk: ENOSPC");
    expect(await server.ask("ray-cpu")).toMatchObject(refused("storage"));
    expect(await server.call("GET", "/v1/cluster")).toMatchObject({ body: NOBODY });
    expect(await metrics(server)).toContain("ray_ep_lease_storage_ok 0");
    expect((await server.call("GET", "/")).status).toBe(200);
    empty();
    expect(await server.ask("ray-cpu")).toMatchObject(granted(1));
    await server.says("✓ The state is kept on disk again");
  });

  test("because it is no folder: nothing is granted until it is one", async () => {
    const folder = join(scratch, "state");
    writeFileSync(folder, "");
    const server = await serve({ RAY_EP_HEALTH_STATE_DIR: folder });
    await server.says("✗ The state cannot be kept on disk");
    expect(await server.ask("ray-cpu")).toMatchObject(refused("storage"));
    rmSync(folder);
    mkdirSync(folder);
    expect(await server.ask("ray-cpu")).toMatchObject(granted(1));
  });

  test("a HEAD that holds the lease already goes on renewing it", async () => {
    const server = await serve({ RAY_EP_HEALTH_STATE_DIR: scratch });
    await server.ask("ray-cpu");
    fillDisk(scratch);
    expect(await server.ask("ray-cpu", { epoch: 1, clusterId: "abc" })).toMatchObject(granted(1));
  });
});
