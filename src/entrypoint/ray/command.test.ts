import { describe, expect, test } from "vitest";
import { configOf } from "../../../test/fixtures/config.ts";
import type { LocalFact } from "../config/local.ts";
import type { Role } from "../election/role.ts";
import { planInstall, planRayStart } from "./command.ts";

const RAY = { name: "ray", uid: 1000, gid: 100, groups: [100, 44], home: "/home/ray", shell: "/bin/bash" };
const AS_ROOT: LocalFact = {
  ...{
    ms: 1,
    user: "root",
    rayUser: RAY,
    becomes: RAY,
    requirements: ["/r/a.txt", "/r/b.txt"],
    stateObstacle: null,
  },
  ray: { path: "/home/ray/anaconda3/bin/ray", version: null, python: null },
};
const HEAD: Role = { role: "head" };
const WORKER: Role = { role: "worker", head: { host: "ray-cpu", port: 6379 } };

interface Given {
  readonly role?: Role;
  readonly vars?: Record<string, string>;
  readonly env?: Record<string, string>;
  readonly words?: string[];
  readonly local?: LocalFact;
}

function planOf({ role = HEAD, vars = {}, env = {}, words = [], local = AS_ROOT }: Given) {
  return planRayStart({ config: configOf("ray-cpu", vars, words), local, env }, role);
}

const argsOf = (given: Given) => planOf(given).start.args;
const FIXED = {
  NODE_IP_ADDRESS: "ray-cpu",
  NODE_MANAGER_PORT: "20001",
  OBJECT_MANAGER_PORT: "20002",
  MIN_WORKER_PORT: "20100",
  MAX_WORKER_PORT: "20199",
  RAY_NUM_CPUS: "4",
  RAY_NUM_GPUS: "0",
  RAY_MEMORY: "8g",
};

describe("the words of ray start", () => {
  test("a HEAD with defaults", () => {
    expect(argsOf({})).toEqual([
      "start",
      "--head",
      "--block",
      "--port=6379",
      "--dashboard-port=8265",
      "--ray-client-server-port=10001",
      "--dashboard-host=0.0.0.0",
      "--node-name=ray-cpu",
    ]);
  });

  test("a WORKER with everything fixed", () => {
    expect(argsOf({ role: WORKER, vars: FIXED })).toEqual([
      "start",
      "--address=ray-cpu:6379",
      "--block",
      "--node-name=ray-cpu",
      "--node-ip-address=ray-cpu",
      "--node-manager-port=20001",
      "--object-manager-port=20002",
      "--min-worker-port=20100",
      "--max-worker-port=20199",
      "--num-cpus=4",
      "--num-gpus=0",
      "--memory=8589934592",
    ]);
  });

  test.each([
    [["--port=7000"], "--port"],
    [["--port", "7000"], "--port"],
    [["--num-cpus=1", "--labels=a=b"], "--num-cpus"],
    [["--node-name=me"], "--node-name"],
  ])("the user's own win: %j", (words, name) => {
    const args = argsOf({ words, vars: FIXED });
    expect(args.slice(-words.length)).toEqual(words);
    expect(args.filter((word) => word.split("=")[0] === name)).toHaveLength(1);
  });
});

describe("ready when", () => {
  test.each([
    ["a HEAD's own GCS lists it", { role: HEAD }, "ray-cpu:6379", "ray-cpu"],
    [
      "… at the address that Ray binds",
      { vars: { NODE_IP_ADDRESS: "10.0.0.1" } },
      "10.0.0.1:6379",
      "ray-cpu",
    ],
    ["its HEAD's GCS lists it", { role: WORKER }, "ray-cpu:6379", "ray-cpu"],
    [
      "… under the name that the user gave",
      { role: WORKER, words: ["--node-name", "me"] },
      "ray-cpu:6379",
      "me",
    ],
  ])("%s", (_, given, gcs, nodeName) => {
    const { ready } = planOf(given);
    expect(`${ready.gcs.host}:${ready.gcs.port}`).toBe(gcs);
    expect(ready).toMatchObject({ nodeName, timeoutMs: 120_000 });
  });
});

describe("the environment", () => {
  test("is kept, with what a login would set and Ray's folder first in PATH, once", () => {
    const env = {
      HEAD_WHITELIST: "ray-cpu",
      RAY_LOG_TO_STDERR: "1",
      HOME: "/root",
      USER: "root",
      PATH: "/a:/home/ray/anaconda3/bin:/b",
    };
    expect(planOf({ env }).start.env).toEqual({
      RAY_gcs_rpc_server_reconnect_timeout_s: "600",
      HEAD_WHITELIST: "ray-cpu",
      RAY_LOG_TO_STDERR: "1",
      RAY_AUTH_MODE: "disabled",
      HOME: "/home/ray",
      USER: "ray",
      LOGNAME: "ray",
      SHELL: "/bin/bash",
      PATH: "/home/ray/anaconda3/bin:/a:/b",
      RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S: "6",
    });
  });

  test.each([HEAD, WORKER])("C1 Ray is told its token mode, in either role: %o", (role) => {
    const env = { RAY_AUTH_TOKEN: "t" };
    expect(planOf({ role, vars: env, env }).start.env).toMatchObject({ RAY_AUTH_MODE: "token" });
  });

  test.each([
    ["10", "6", 8500],
    ["60", "56", 58_500],
    ["3", "0", 1500],
    ["1", "0", 500],
  ])(
    "with %s s until the engine's KILL Ray drains %s s, and ours comes before it",
    (grace, drain, killAfterMs) => {
      const plan = planOf({ vars: { RAY_EP_STOP_GRACE: grace } });
      expect(plan.start.env.RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S).toBe(drain);
      expect(plan.killAfterMs).toBe(killAfterMs);
    },
  );

  test("a drain time that the user set stays", () => {
    const env = { RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S: "99" };
    expect(planOf({ env }).start.env).toMatchObject(env);
  });
});

test("requirements are installed in order by the same user with the same Python", () => {
  const input = { config: configOf("ray-cpu"), local: AS_ROOT, env: {} };
  const commands = planInstall(input);
  expect(commands.map(({ file, args }) => [file, args.at(-1)])).toEqual([
    ["/home/ray/anaconda3/bin/python", "/r/a.txt"],
    ["/home/ray/anaconda3/bin/python", "/r/b.txt"],
  ]);
  expect(commands.map(({ user }) => user)).toEqual([RAY, RAY]);
});

test("who is Ray's user already does not become it", () => {
  expect(planOf({ local: { ...AS_ROOT, becomes: null } }).start.user).toBeNull();
  expect(planOf({}).start.user).toEqual(RAY);
});

test("a WORKER's Ray is spared the words that only a HEAD may have", () => {
  const words = [
    "--include-dashboard=false",
    "--labels",
    "a=b",
    "--port",
    "6400",
    "--include-dashboard",
    "true",
  ];
  expect(argsOf({ role: WORKER, words }).slice(-3)).toEqual(["--node-name=ray-cpu", "--labels", "a=b"]);
  expect(argsOf({ words }).slice(-words.length)).toEqual(words);
});
