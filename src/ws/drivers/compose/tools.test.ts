import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FakeEngine, info } from "../../../../test/fixtures/docker/fake-engine.ts";
import { findTools } from "./tools.ts";

const PLUGIN = { Name: "compose", Path: "/plugins/docker-compose", Version: "v2.40.1" };
const TOLD = `info*) echo '${info({ ClientInfo: { Context: "default", Plugins: [PLUGIN] } })}' ;;`;
const ELSEWHERE = `
  info*) echo '${info({ ClientInfo: { Context: "lab", Plugins: [{ SchemaVersion: "0" }, PLUGIN] } })}' ;;
  "context inspect"*) echo ssh://me@gpu01 ;;`;
const OLD = `
  info*) echo '${info()}' ;;
  "compose version"*) echo 2.3.4 ;;`;
const PODMAN = `
  info*) echo '{"host":{}}' ;;
  version*) echo 5.2 ;;
  "compose version"*) echo 2.3.4 ;;
  "context inspect"*) exit 1 ;;`;
const AWAY = "*) echo 'Cannot connect to the Docker daemon' >&2; exit 1 ;;";
const DOCKER = ["docker", "compose"];

test.each<[string, string, object, string[]]>([
  [
    "an engine that tells all is asked once, and its plugin is started without it",
    TOLD,
    { value: { version: "28.1", compose: [PLUGIN.Path], host: "127.0.0.1" } },
    ["info"],
  ],
  [
    "the engine of another machine",
    ELSEWHERE,
    { value: { compose: [PLUGIN.Path], host: "gpu01" } },
    ["info", "context"],
  ],
  [
    "a docker that tells of no plugin",
    OLD,
    { value: { version: "28.1", compose: DOCKER } },
    ["info", "compose"],
  ],
  [
    "Podman's docker",
    PODMAN,
    { value: { version: "5.2", compose: DOCKER, info: undefined } },
    ["info", "compose", "context", "version"],
  ],
  ["no engine, in docker's words", AWAY, { ok: false, error: "Cannot connect to the Docker daemon" }, []],
])("%s", async (_, says, expected, asked) => {
  const engine = new FakeEngine(says);
  expect(await findTools(engine.env, "compose")).toMatchObject(expected);
  const words = readFileSync(engine.asked, "utf8").trim().split("\n");
  if (asked.length > 0) expect(words.map((each) => each.split(" ")[0]).toSorted()).toEqual(asked.toSorted());
});
