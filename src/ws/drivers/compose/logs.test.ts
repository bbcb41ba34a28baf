import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EVENTS } from "../../../../test/fixtures/events.ts";
import { settingsOf } from "../../../../test/fixtures/settings.ts";
import { statusOf } from "../../../../test/fixtures/status.ts";
import { parseStatus } from "../../../common/protocol/node-status.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import { type Refusal, refusal } from "./engine.ts";
import { logVerbs } from "./logs.ts";

const status = statusOf("ray-cpu", [EVENTS.candidate, EVENTS.failed]);
let folder: string;
let asked: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "status-"));
  asked = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function engineThat(answer: Result<string, Refusal>) {
  const docker = async (words: readonly string[]) => {
    asked.push(words.join(" "));
    return answer;
  };
  return logVerbs({
    engine: { docker, compose: docker, host: "" },
    env: {},
    stateDir: folder,
    settings: settingsOf(),
  });
}

test("a node's status is copied out of its container, which need not run", async () => {
  writeFileSync(join(folder, "status.json"), `${JSON.stringify(status)}\n`);
  const archive = execFileSync("tar", ["-c", "-C", folder, "status.json"], { encoding: "utf8" });
  expect(parseStatus(await engineThat(ok(archive)).status("c1"))).toEqual(status);
  const [, path] = /^cp c1:(\S+) -$/.exec(asked[0] ?? "") ?? [];
  expect(readFileSync("docker/entrypoint.sh", "utf8")).toContain(`RAY_EP_STATUS_FILE:-${path}}"`);
});

test.each([
  ["no file", err(refusal("docker cp", ["no such file"]))],
  ["a link that a job of Ray's put in its place", ok("status.json\0/etc/passwd")],
])("%s says nothing", async (_, answer: Result<string, Refusal>) =>
  expect(await engineThat(answer).status("c1")).toBe(""),
);

test("a part of a log, its events as text", async () => {
  const time = "2026-01-31T12:00:00.000Z";
  const event = JSON.stringify({ time, message: "→ HEAD: the head lease\nMode: head", type: "decision" });
  const said = `${event}\n{"Ray": "own words"}\nray's`;
  const part = { tail: 5, since: new Date(time) };
  expect(await engineThat(ok(said)).log("c1", part)).toEqual([
    ...["→ HEAD: the head lease", "Mode: head", '{"Ray": "own words"}', "ray's"],
  ]);
  expect(asked).toEqual([`logs --tail 5 --since ${time} c1`]);
});
