import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EVENTS } from "../../../../test/fixtures/events.ts";
import { statusOf as after } from "../../../../test/fixtures/status.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import type { DockerCluster } from "./cluster.ts";
import type { Container } from "./containers.ts";
import type { Refusal } from "./engine.ts";
import { lifeLog } from "./logs.ts";
import { statusOf } from "./status.ts";

const status = after("ray-cpu", [EVENTS.candidate, EVENTS.failed]);
const container = { id: "c1", service: "ray-cpu", startedAt: new Date(status.startedAt).toISOString() };
let folder: string;
let asked: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "status-"));
  asked = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const engineThat = (answer: Result<string, Refusal>) => ({
  docker: async (words: readonly string[]) => {
    asked.push(words.join(" "));
    return answer;
  },
});
const read = (answer: Result<string, Refusal>, change: Partial<Container> = {}) => {
  const cluster = { engine: engineThat(answer), healthUrl: "http://127.0.0.1:1" };
  return statusOf(cluster as unknown as DockerCluster, { ...container, ...change } as Container);
};

function archiveOf(text: string): Result<string, Refusal> {
  writeFileSync(join(folder, "status.json"), text);
  return ok(execFileSync("tar", ["-c", "-C", folder, "status.json"], { encoding: "utf8" }));
}

test("a node's status is copied out of its container, which need not run", async () => {
  expect(await read(archiveOf(`${JSON.stringify(status)}\n`))).toEqual(status);
  const [, path] = /^cp c1:(\S+) -$/.exec(asked[0] ?? "") ?? [];
  expect(readFileSync("docker/Dockerfile", "utf8")).toContain(`RAY_EP_STATUS_FILE=${path}\n`);
});

test.each<[string, Result<string, Refusal>, Partial<Container>]>([
  ["an earlier life", archiveNow(), { startedAt: new Date(status.startedAt + 1).toISOString() }],
  ["no file", err({ command: "docker cp", lines: ["no such file"] }), {}],
  ["a link that a job of Ray's put in its place", ok("status.json\0/etc/passwd"), {}],
])("%s says nothing", async (_, answer, change) => expect(await read(answer, change)).toBeUndefined());

function archiveNow(): Result<string, Refusal> {
  return ok(`status.json\0\0${JSON.stringify(status)}\n\0\0`);
}

test("only the present life of a container is read, and its events as text", async () => {
  const line = (message: string) =>
    JSON.stringify({ time: "2026-01-31T12:00:00.000Z", message, type: "decision" });
  const said = `${line("→ HEAD: the head lease\nMode: head")}\n{"Ray": "own words"}\nray's`;
  expect(
    await lifeLog(
      { ...engineThat(ok(said)), compose: engineThat(ok("")).docker, host: "" },
      container as Container,
    ),
  ).toBe('→ HEAD: the head lease\nMode: head\n{"Ray": "own words"}\nray\'s');
  expect(asked).toEqual([`logs --since ${container.startedAt} c1`]);
});
