import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { configOf } from "../../../test/fixtures/config.ts";
import { renderProblems } from "../../common/failure.ts";
import { findMisspelt } from "./nearest.ts";
import { readConfig } from "./read-config.ts";
import { VARIABLE_NAMES } from "./variables.ts";

/** One problem a line, as the user reads them; "" when there is none. */
function problemsOf(env: Record<string, string>, hostname = "ray-cpu"): string {
  const config = readConfig({ env, hostname, rayWords: [], tokenFile: null, healthTokenFile: null });
  return config.ok ? "" : renderProblems("The environment is wrong", config.error).join("\n");
}

const JUNK: Readonly<Record<string, string>> = {
  HEAD_WHITELIST: "",
  HEALTH_URL: "health:8080",
  HEALTH_TIMEOUT: "-1",
  HEALTH_MAX_RETRIES: "many",
  HEALTH_RETRY_INTERVAL: "0,5",
  DISCOVERY_TIMEOUT: "0",
  WAIT_FOR_HEAD: "1e3",
  HEAD_ADDRESS: "[fd00::1]:6379",
  HEAD_ADDRESS_CFG: "fd00::1",
  RAY_HEAD_PORT: "63x9",
  RAY_DASHBOARD_PORT: "0",
  RAY_CLIENT_PORT: "70000",
  NODE_IP_ADDRESS: "::1",
  NODE_MANAGER_PORT: "-1",
  OBJECT_MANAGER_PORT: "6379.5",
  MIN_WORKER_PORT: "٣",
  MAX_WORKER_PORT: "0x1000",
  RAY_NUM_CPUS: "4.5",
  RAY_NUM_GPUS: "one",
  RAY_MEMORY: "lots",
  USE_CONDA_ENV: "maybe",
  RAY_EP_JOIN: "two words",
  RAY_EP_JOIN_FILE: "token",
  RAY_EP_CANDIDATE: "maybe",
  RAY_EP_INTERFACE: "two cards",
  RAY_EP_NODE_NAME: "two words",
  RAY_EP_USER: "ray;rm",
  RAY_EP_BIN_DIR: "bin",
  RAY_EP_PIP_REQUIREMENTS: "requirements.txt",
  RAY_EP_SECOND_LOOK: "NaN",
  RAY_EP_TAKEOVER_AFTER: "Infinity",
  RAY_EP_WATCH_INTERVAL: "0.0",
  RAY_EP_MAX_RESTARTS: "-3",
  RAY_EP_READY_TIMEOUT: "two minutes",
  RAY_EP_STOP_GRACE: "99999999999",
  RAY_EP_FENCING: "loose",
  RAY_EP_STATE_DIR: "state",
  RAY_EP_STATE: "redis",
  RAY_EP_HEALTH_TOKEN: "two words",
  RAY_EP_HEALTH_TOKEN_FILE: "token",
  RAY_EP_ALIVE_FILE: "alive",
  RAY_EP_STATUS_FILE: "status",
  RAY_EP_IMAGE: "two words",
  RAY_EP_LOG: "xml",
  RAY_EP_LOG_LIMIT: "much",
};

/** What is shown in place of what was got, where that is a secret or nothing. */
const SHOWN: Readonly<Record<string, string>> = {
  HEAD_WHITELIST: "got an empty whitelist",
  RAY_EP_JOIN: "got others",
  RAY_EP_JOIN_FILE: "got (5 characters)",
  RAY_EP_HEALTH_TOKEN: "got others",
  RAY_EP_HEALTH_TOKEN_FILE: "got (5 characters)",
};

describe("junk", () => {
  test("is known here for every variable of this program", () => {
    expect(VARIABLE_NAMES.filter((name) => !(name in JUNK))).toEqual([]);
  });

  test("in every variable at once: one message names each, what was got and the way out", () => {
    const text = problemsOf(JUNK);
    for (const name of VARIABLE_NAMES) {
      const at = text.indexOf(`✗ ${name}: expected `);
      expect(at, `${name} in:\n${text}`).toBeGreaterThan(0);
      const line = text.slice(at, text.indexOf("\n", at));
      expect(line).toContain(SHOWN[name] ?? JUNK[name]);
      expect(text.slice(at)).toMatch(/^.*\n {4}→ \S/);
    }
    expect(text).toMatch(new RegExp(`^✗ The environment is wrong: ${VARIABLE_NAMES.length} problems`));
  });

  test("problems between variables are named in the same message, but none that a wrong variable may only seem to have", () => {
    const text = problemsOf({
      DISCOVERY_TIMEOUT: "soon",
      RAY_CLIENT_PORT: "8265",
      RAY_AUTH_MODE: "token",
      MIN_WORKER_PORT: "x",
      MAX_WORKER_PORT: "20099",
    });
    expect(text).toMatch(/^✗ The environment is wrong: 4 problems/);
    for (const name of ["DISCOVERY_TIMEOUT", "RAY_CLIENT_PORT", "RAY_AUTH_TOKEN", "MIN_WORKER_PORT"])
      expect(text).toContain(`✗ ${name}: expected`);
  });

  test("a store that is wanted needs a folder, and no Redis", () => {
    const text = problemsOf({ RAY_EP_STATE: "rocksdb", RAY_REDIS_ADDRESS: "redis:6379" });
    expect(text).toContain("✗ RAY_EP_STATE_DIR: expected a folder for the state");
    expect(text).toContain("✗ RAY_EP_STATE: expected auto or none");
  });

  test("a secret's text is not shown, not even when it is wrong", () => {
    expect(problemsOf({ RAY_EP_HEALTH_TOKEN: "hush hush" })).not.toContain("hush");
  });

  test("a token that is wanted and missing is named before anything starts", () => {
    const text = problemsOf({ RAY_AUTH_MODE: "token", RAY_EP_HEALTH_TOKEN_FILE: "/run/secrets/none" });
    expect(text).toContain("✗ RAY_AUTH_TOKEN: expected a token, since RAY_AUTH_MODE=token, got none");
    expect(text).toContain("✗ RAY_EP_HEALTH_TOKEN_FILE: expected a file that holds the token");
  });

  test.each([
    ["HEAD_WHITELIST", "   , ", "expected at least one candidate"],
    ["HEAD_WHITELIST", "ray-cpu ray-gpu RAY-CPU", "expected each name once, got ray-cpu twice"],
    ["HEAD_WHITELIST", "ray-cpu:0 ray-gpu:70000 a=b", "got 0"],
    ["HEAD_WHITELIST", "ray-cpu:0 ray-gpu:70000 a=b", "got 70000"],
    ["HEAD_WHITELIST", "ray-cpu:0 ray-gpu:70000 a=b", "without a port"],
    ["HEAD_WHITELIST", "a=b=c:1", "expected name, name:port or name=host:port"],
    ["HEAD_WHITELIST", "fd00::1", "IPv6"],
    ["HEAD_WHITELIST", "[fd00::1]:6379", "IPv6"],
    ["HEAD_ADDRESS", "ray-cpu", "without a port"],
    ["HEAD_ADDRESS", "ray://ray-cpu:10001", "expected host:port"],
    ["HEALTH_URL", "https://health:8080", "expected a URL such as http://health:8080"],
    ["HEALTH_URL", ",", "expected at least one URL"],
    ["HEALTH_URL", "http://a:8080, b", 'expected a URL such as http://health:8080, got "b"'],
    ["HEALTH_URL", "//health", "expected a URL such as http://health:8080"],
    ["HEALTH_URL", "http://health:8080/?a=1", "without user, password, query or fragment"],
    ["HEALTH_URL", "http://health:0", "expected a port from 1 to 65535, got 0"],
    ["HEALTH_URL", "http://[fd00::1]:8080", "IPv6"],
    ["DISCOVERY_TIMEOUT", "", ""],
    ["DISCOVERY_TIMEOUT", "-2", 'expected seconds above 0 (decimals allowed), got "-2"'],
    ["WAIT_FOR_HEAD", "604801", "expected at most 604800 seconds"],
    ["RAY_MEMORY", "0", "expected bytes"],
  ])("%s=%s", (name, value, why) => {
    expect(problemsOf({ [name]: value })).toContain(why);
    expect(problemsOf({ [name]: value }) === "").toBe(why === "");
  });

  test("a password in a URL is not repeated", () => {
    expect(problemsOf({ HEALTH_URL: "http://me:hunter2@health:8080" })).not.toContain("hunter2");
  });
});

describe("D7 habits of environment files", () => {
  test.each([" ", "\r", "\t\r\n"])("%j is unset", (blank) => {
    const env = Object.fromEntries(VARIABLE_NAMES.map((name) => [name, blank]));
    expect(configOf("ray-cpu", { ...env, HEAD_WHITELIST: "ray-cpu" }).texts).toEqual({
      HEAD_WHITELIST: "ray-cpu",
    });
  });

  test("a carriage return after a value is not part of it", () => {
    const { values, explicitHead } = configOf("ray-cpu", {
      HEAD_ADDRESS: "ray-gpu:6379\r",
      WAIT_FOR_HEAD: "5\r",
    });
    expect([explicitHead?.address.port, values.WAIT_FOR_HEAD]).toEqual([6379, 5000]);
  });

  test.each([
    ["HEAD_ADDRESS", '"ray-cpu:6379"'],
    ["RAY_HEAD_PORT", "'6379'"],
    ["HEAD_WHITELIST", '"ray-cpu ray-gpu"'],
    ["HEALTH_URL", '"http://health:8080"'],
    ["RAY_MEMORY", '"8g"'],
    ["HEAD_WHITELIST", "'ray-cpu' 'ray-gpu'"],
  ])("quotes are named as the trouble: %s=%s", (name, value) => {
    expect(problemsOf({ [name]: value })).toContain("remove the quotes: they are part of the value here");
    expect(problemsOf({ [name]: value.replaceAll(/["']/g, "") })).toBe("");
  });

  test("but the advice is not given if the value would be wrong without them too", () => {
    expect(problemsOf({ RAY_HEAD_PORT: '"x"' })).not.toContain("quotes");
  });

  test.each([
    ["8Gi", 8 * 2 ** 30],
    ["500Mi", 500 * 2 ** 20],
    ["8G", 8 * 2 ** 30],
    ["8GiB", 8 * 2 ** 30],
    ["1.5g", 1.5 * 2 ** 30],
    ["8192m", 8 * 2 ** 30],
    ["64 KB", 64 * 2 ** 10],
    ["100b", 100],
  ])("memory of %s", (text, bytes) => {
    expect(configOf("ray-cpu", { RAY_MEMORY: text }).values.RAY_MEMORY).toBe(bytes);
  });

  test.each(["8i", "8x", "Gi", "0"])("no memory: %s", (text) => {
    expect(problemsOf({ RAY_MEMORY: text })).toContain("expected bytes");
  });

  test("thousandths of CPUs must add up to whole CPUs", () => {
    expect(configOf("ray-cpu", { RAY_NUM_CPUS: "4000m" }).values.RAY_NUM_CPUS).toBe(4);
    expect(problemsOf({ RAY_NUM_CPUS: "1500m" })).toContain("expected a whole number");
  });

  test("a wrong token hides no missing file of another variable", () => {
    const text = problemsOf({ RAY_EP_HEALTH_TOKEN: "a b", RAY_EP_HEALTH_TOKEN_FILE: "/run/none" });
    for (const name of ["RAY_EP_HEALTH_TOKEN", "RAY_EP_HEALTH_TOKEN_FILE"])
      expect(text).toContain(`✗ ${name}: expected`);
  });
});

describe("E6", () => {
  test("HEALTH_URL may name several services", () => {
    const text = "http://a:8080, http://b:8080 http://c";
    expect(configOf("ray-cpu", { HEALTH_URL: text }).values.HEALTH_URL).toEqual([
      "http://a:8080",
      "http://b:8080",
      "http://c",
    ]);
  });

  test.each(["none", "None", "off", "no", "false", "-"])(
    "HEALTH_URL=%s: no health service is wanted",
    (text) => {
      expect(configOf("ray-cpu", { HEALTH_URL: text }).values.HEALTH_URL).toBeNull();
    },
  );

  test("strict fencing needs one", () => {
    const text = problemsOf({ HEALTH_URL: "none", RAY_EP_FENCING: "strict" });
    expect(text).toContain("✗ HEALTH_URL: expected a health service, because strict fencing");
  });

  test("strict fencing that nobody typed says where it comes from", () => {
    const text = problemsOf({ HEALTH_URL: "none", RAY_REDIS_ADDRESS: "redis://store:6379" });
    expect(text).toContain("because strict fencing, which RAY_REDIS_ADDRESS turns on, needs its head lease");
  });

  test("an unknown variable that looks like ours is reported with the nearest known one", () => {
    const names = [
      "RAY_EP_HEALTH_TOKN",
      "RAYEP_USER",
      "ray_ep_log",
      "RAY_EP_X",
      "RAY_EP_LEASE_TTL",
      "RAY_EP_USER",
      "HEAD_WHITLIST",
      "head_address",
      "NODE_IP_ADRESS",
      "PATH",
      "HOSTNAME",
      "RAY_ADDRESS",
      "RAY_AUTH_MODE",
      "RAY_USE_TLS",
    ];
    expect(findMisspelt(names)).toEqual([
      { name: "RAY_EP_HEALTH_TOKN", nearest: "RAY_EP_HEALTH_TOKEN" },
      { name: "RAYEP_USER", nearest: "RAY_EP_USER" },
      { name: "ray_ep_log", nearest: "RAY_EP_LOG" },
      { name: "RAY_EP_X", nearest: null },
      { name: "HEAD_WHITLIST", nearest: "HEAD_WHITELIST" },
      { name: "head_address", nearest: "HEAD_ADDRESS" },
      { name: "NODE_IP_ADRESS", nearest: "NODE_IP_ADDRESS" },
    ]);
  });
});

describe("variables that contradict each other", () => {
  test.each([
    ["one worker port", { MIN_WORKER_PORT: "20000" }, "expected both or none"],
    ["a range upside down", { MIN_WORKER_PORT: "20099", MAX_WORKER_PORT: "20000" }, "got 20099 and 20000"],
    ["one port twice", { RAY_CLIENT_PORT: "8265" }, "also taken by RAY_DASHBOARD_PORT"],
    [
      "a port in the workers' range",
      { NODE_MANAGER_PORT: "20005", MIN_WORKER_PORT: "20000", MAX_WORKER_PORT: "20099" },
      "also taken by MIN_WORKER_PORT to MAX_WORKER_PORT",
    ],
    [
      "a head port other than the whitelist's",
      { HEAD_WHITELIST: "ray-cpu:6390", RAY_HEAD_PORT: "6379" },
      "expected the port of this node's whitelist entry ray-cpu:6390, got 6379",
    ],
  ])("%s", (_, env, why) => expect(problemsOf(env)).toContain(why));
});

describe("what a config says", () => {
  test("of an empty environment: the contract's defaults", () => {
    const { values, whitelist, ownAddress, explicitHead } = configOf("ray-cpu");
    expect(values).toMatchObject({
      HEALTH_URL: ["http://health:8080"],
      HEALTH_TIMEOUT: 1000,
      HEALTH_MAX_RETRIES: 3,
      HEALTH_RETRY_INTERVAL: 500,
      DISCOVERY_TIMEOUT: 2000,
      WAIT_FOR_HEAD: 60_000,
      RAY_HEAD_PORT: 6379,
      RAY_DASHBOARD_PORT: 8265,
      RAY_CLIENT_PORT: 10001,
      RAY_EP_TAKEOVER_AFTER: 30_000,
    });
    expect(whitelist.map(({ name }) => name)).toEqual(["ray-cpu", "ray-gpu"]);
    expect(ownAddress).toEqual({ host: "ray-cpu", port: 6379 });
    expect(explicitHead).toBeNull();
  });

  test("an empty variable is an unset one, as compose passes it on", () => {
    const empty = Object.fromEntries(VARIABLE_NAMES.map((name) => [name, ""]));
    expect(configOf("ray-cpu", { ...empty, HEAD_WHITELIST: "ray-cpu" }).texts).toEqual({
      HEAD_WHITELIST: "ray-cpu",
    });
  });

  test("each candidate is looked for at its own port; this node at RAY_HEAD_PORT", () => {
    const env = { HEAD_WHITELIST: "ray-cpu, ray-gpu:6380 far=10.0.0.9:7000", RAY_HEAD_PORT: "6390" };
    expect(configOf("ray-cpu", env).whitelist.map(({ address }) => address)).toEqual([
      { host: "ray-cpu", port: 6390 },
      { host: "ray-gpu", port: 6380 },
      { host: "10.0.0.9", port: 7000 },
    ]);
    expect(configOf("ray-gpu", { HEAD_WHITELIST: "ray-cpu ray-gpu:6380" }).values.RAY_HEAD_PORT).toBe(6380);
  });

  test("name=host:port: others reach this node there, while its GCS takes its own port", () => {
    const config = configOf("far", { HEAD_WHITELIST: "far=10.0.0.9:7000", RAY_HEAD_PORT: "6379" });
    expect(config.ownAddress).toEqual({ host: "10.0.0.9", port: 7000 });
    expect(config.values.RAY_HEAD_PORT).toBe(6379);
  });

  test("names have no case, and RAY_EP_NODE_NAME stands for the hostname", () => {
    expect(configOf("RAY-CPU").ownAddress).toEqual({ host: "ray-cpu", port: 6379 });
    expect(configOf("box", { RAY_EP_NODE_NAME: "ray-gpu" }).node).toBe("ray-gpu");
  });

  test.each([
    [
      "HEAD_ADDRESS wins over HEAD_ADDRESS_CFG",
      { HEAD_ADDRESS: "a:1", HEAD_ADDRESS_CFG: "b:2" },
      "HEAD_ADDRESS",
      false,
    ],
    ["HEAD_ADDRESS_CFG alone", { HEAD_ADDRESS_CFG: "ray-cpu:6379" }, "HEAD_ADDRESS_CFG", true],
    ["this host at another port is another", { HEAD_ADDRESS: "ray-cpu:6380" }, "HEAD_ADDRESS", false],
    [
      "by its advertised address",
      { HEAD_ADDRESS: "10.0.0.1:6379", NODE_IP_ADDRESS: "10.0.0.1" },
      "HEAD_ADDRESS",
      true,
    ],
  ])("explicit HEAD: %s", (_, env, variable, isThisNode) => {
    expect(configOf("ray-cpu", env).explicitHead).toMatchObject({ variable, isThisNode });
  });

  test.each([
    ["no token mode: no token", { RAY_AUTH_MODE: "disabled", RAY_AUTH_TOKEN: "t" }, "f", null],
    ["the variable", { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: " t " }, "f", "t"],
    ["else the file", { RAY_AUTH_MODE: "token" }, "f\n", "f"],
    ["without a mode too", { RAY_AUTH_TOKEN: "t" }, null, "t"],
  ])("token: %s", (_, env, tokenFile, token) => {
    const config = readConfig({ env, hostname: "ray-cpu", rayWords: [], tokenFile, healthTokenFile: null });
    expect(config).toMatchObject({ ok: true, value: { auth: { token } } });
  });

  test.each([
    [{ RAY_AUTH_MODE: "tokne", RAY_AUTH_TOKEN: "t" }, null, "RAY_AUTH_MODE", 'got "tokne"'],
    [{ RAY_AUTH_MODE: "token" }, null, "RAY_AUTH_TOKEN", "got none"],
    [{ RAY_AUTH_MODE: "TOKEN", RAY_AUTH_TOKEN: " " }, "f", "RAY_AUTH_TOKEN", "got none"],
    [{ RAY_AUTH_TOKEN_PATH: "/none" }, null, "RAY_AUTH_TOKEN_PATH", "got /none"],
    [{ RAY_AUTH_TOKEN: "se\ncret" }, null, "RAY_AUTH_TOKEN", "in one line"],
  ])(
    "C1 a token mode that Ray would read differently, or not at all, is refused: %o",
    (env, tokenFile, where, problem) => {
      const config = readConfig({ env, hostname: "ray-cpu", rayWords: [], tokenFile, healthTokenFile: null });
      expect(config).toMatchObject({
        ok: false,
        error: [{ where, problem: expect.stringContaining(problem) }],
      });
      expect(JSON.stringify(config)).not.toMatch(/se\\ncret/);
    },
  );
});

describe("properties", () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,15}$/);
  const port = fc.integer({ min: 1, max: 65535 });

  test("a whitelist is read back in its order, however its entries are split", () => {
    const entry = fc.record({ name, port: fc.option(port) });
    const list = fc.uniqueArray(entry, { minLength: 1, maxLength: 8, selector: (each) => each.name });
    const split = fc.constantFrom(" ", ",", ", ", "\n", "  ,,  ");
    fc.assert(
      fc.property(list, split, (entries, between) => {
        const text = entries.map((each) => (each.port === null ? each.name : `${each.name}:${each.port}`));
        const { whitelist } = configOf("0-nobody", {
          HEAD_WHITELIST: `${between}${text.join(between)}${between}`,
        });
        const expected = entries.map((each) => ({
          name: each.name,
          address: { host: each.name, port: each.port ?? 6379 },
        }));
        expect(whitelist).toEqual(expected);
      }),
    );
  });

  test("seconds are read to the millisecond; anything else is refused, never read as 0", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 604_800_000 }), (ms) => {
        expect(configOf("a", { DISCOVERY_TIMEOUT: String(ms / 1000) }).values.DISCOVERY_TIMEOUT).toBe(ms);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(text.trim() !== "" && !/^\s*\d+(?:\.\d+)?\s*$/.test(text));
        expect(problemsOf({ WAIT_FOR_HEAD: text })).toContain("WAIT_FOR_HEAD");
      }),
    );
  });

  test("no environment whatever makes it throw", () => {
    const env = fc.dictionary(fc.constantFrom(...VARIABLE_NAMES), fc.string({ unit: "binary" }));
    const holds = fc.property(env, fc.string(), (given, name) => typeof problemsOf(given, name) === "string");
    fc.assert(holds, { numRuns: 40 });
  });
});
