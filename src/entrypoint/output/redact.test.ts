import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { leaseHealth } from "../../../test/fixtures/facts.ts";
import { renderFailure } from "../../common/failure.ts";
import { readArgs } from "../config/args.ts";
import { readConfig } from "../config/read-config.ts";
import type { HeardHealth } from "../election/collect.ts";
import { dryRun, renderDryRun } from "./dry-run.ts";
import { render } from "./event.ts";
import { redactCommand, redactEnv } from "./redact.ts";

describe("B7 only the length of a variable that is not known to be harmless is shown", () => {
  test.each([
    ["RAY_AUTH_TOKEN", "s3cr3t"],
    ["RAY_EP_HEALTH_TOKEN", "s3cr3t"],
    ["DB_PASS", "s3cr3t"],
    ["GITHUB_PAT", "s3cr3t"],
    ["SSH_PASSPHRASE", "s3cr3t"],
    ["SLACK_WEBHOOK", "s3cr3t"],
    ["RAY_REDIS_ADDRESS", "rediss://u:s3cr3t@h"],
    ["AZURE_STORAGE_CONNECTION_STRING", "AccountKey=s3cr3t"],
    ["PIP_INDEX_URL", "https://me:s3cr3t@host/simple"],
  ])("%s", (name, value) => {
    expect(redactEnv({ [name]: value })).toEqual({ [name]: `(${value.length} characters)` });
  });

  test.each([
    ["PATH", "/usr/bin:/bin"],
    ["RAY_EP_HEALTH_TOKEN_FILE", "/run/token"],
    ["HEALTH_URL", "http://health:8080"],
    ["HEAD_ADDRESS", "ray-cpu:6379"],
    ["RAY_AUTH_MODE", "token"],
  ])("%s is", (name, value) => expect(redactEnv({ [name]: value })).toEqual({ [name]: value }));
});

function redacted(ours: readonly string[], theirs: readonly string[]): string[] {
  const args = [...ours, ...theirs];
  const rest = { env: {}, user: null, speaksAs: null };
  return redactCommand({ ...rest, file: "/bin/ray", args, foreign: theirs.length });
}

describe("B7 of arguments for `ray start` only values that are known to be harmless are shown", () => {
  test.each([
    [["--redis-password=s3cr3t"], ["--redis-password=(6 characters)"]],
    [
      ["--redis-password", "s3cr3t"],
      ["--redis-password", "(6 characters)"],
    ],
    [
      ["--redis-password", "--s3cr3t=x"],
      ["--redis-password", "(10 characters)"],
    ],
    [["--system-config={s3cr3t}"], ["--system-config=(8 characters)"]],
    [["-ps3cr3t"], ["(8 characters)"]],
    [["s3cr3t"], ["(6 characters)"]],
    [
      ["--block", "s3cr3t"],
      ["--block", "(6 characters)"],
    ],
    [
      ["--port", "--x=s3cr3t"],
      ["--port", "(10 characters)"],
    ],
    [["--temp-dir=x://u:s3cr3t@h"], ["--temp-dir=x://…@h"]],
    [
      ["--labels=a=b", "--num-cpus", "2", "--block", "--no-monitor"],
      ["--labels=a=b", "--num-cpus", "2", "--block", "--no-monitor"],
    ],
  ])("%j", (words, shown) => expect(redacted([], words)).toEqual(["/bin/ray", ...shown]));

  test("and our own arguments are shown", () =>
    expect(redacted(["start", "--address=ray-cpu:6379"], ["--x=s3cr3t"])).toEqual([
      "/bin/ray",
      "start",
      "--address=ray-cpu:6379",
      "--x=(6 characters)",
    ]));
});

describe("B7 property: no output contains the value of a variable that is not in the safe list", () => {
  /** Long and unusual enough that no text of ours contains it by chance. */
  const secret = fc.stringMatching(/^[!-.0-~][!-~]{3}Zq7[!-~]{4}$/);
  const known = [
    "RAY_REDIS_ADDRESS",
    "RAY_AUTH_TOKEN",
    "RAY_AUTH_TOKEN_PATH",
    "RAY_EP_HEALTH_TOKN",
    "DB_PASS",
    "PGPASSWORD",
    "npm_config_x",
  ];
  const name = fc.oneof(fc.constantFrom(...known), fc.stringMatching(/^X_[A-Za-z0-9_]{1,12}$/));
  const wrong = fc.constantFrom<Record<string, string>>({}, { RAY_HEAD_PORT: "x" }, { MIN_WORKER_PORT: "1" });
  const option = fc.constantFrom(
    "--redis-password",
    "--redis-username",
    "--system-config",
    "-p",
    "--unknown",
  );
  const words = fc
    .tuple(option, secret, fc.boolean())
    .map(([each, value, apart]) => (apart ? [each, value] : [`${each}=${value}`]));

  test("dry run in both forms, the log's line in both forms, errors", () => {
    const holds = fc.property(
      fc.dictionary(name, secret, { minKeys: 1 }),
      wrong,
      words,
      (env, bad, rayWords) => {
        const text = outputs({ ...env, ...bad, RAY_EP_HEALTH_TOKEN: Object.values(env)[0] ?? "" }, rayWords);
        const word = rayWords.join("=").replace(/^[^=]*=/, "");
        for (const value of [...Object.values(env), word]) expect(text).not.toContain(value);
      },
    );
    fc.assert(holds, { numRuns: 200 });
  });

  function outputs(env: Record<string, string>, rayWords: string[]): string {
    const config = readConfig({ env, hostname: "ray-cpu", rayWords, tokenFile: null, healthTokenFile: null });
    const args = readArgs(rayWords);
    const texts = args.ok ? [] : renderFailure({ reason: "bad-command-line", problems: args.error });
    if (!config.ok)
      return [...texts, ...renderFailure({ reason: "bad-configuration", problems: config.error })].join("\n");
    const user = { name: "ray", uid: 1000, gid: 100, groups: [], home: "/home/ray", shell: "/bin/sh" };
    const ray = { path: "/bin/ray", version: "2.60.0", python: "3.12" };
    const local = {
      ms: 1,
      user: "root",
      rayUser: user,
      becomes: user,
      requirements: ["/r.txt"],
      stateObstacle: null,
      ray,
    };
    const health = leaseHealth() as HeardHealth;
    const report = dryRun({
      version: "1",
      config: config.value,
      local,
      seen: { health, heads: [] },
      env,
    });
    expect(report.plan).not.toBeNull();
    const starting = { type: "starting", role: "head", command: report.plan?.start.command ?? [] } as const;
    return [
      ...texts,
      ...renderDryRun(report),
      JSON.stringify(report),
      ...render(starting),
      JSON.stringify(starting),
    ].join("\n");
  }
});
