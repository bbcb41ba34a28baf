import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { refusal } from "./engine.ts";
import { judgeImage, readLabels, withReasons, withSteps } from "./images.ts";
import { sourceVariables } from "./project.ts";

const labels = { "io.ray-entrypoint.base": "rayproject/ray:2.60.0", "io.ray-entrypoint.source": "abc" };
const wanted = { base: "rayproject/ray:2.60.0", source: "abc" };

test.each([
  ["there is none", undefined, "there is none yet"],
  ["it is what would be built now", labels, undefined],
  ["by hand, or by an older ws", {}, "it is made from another image, config.yaml says rayproject/ray:2.60.0"],
  [
    "another image in config.yaml",
    { ...labels, "io.ray-entrypoint.base": "rayproject/ray:2.49.2" },
    "it is made from rayproject/ray:2.49.2, config.yaml says rayproject/ray:2.60.0",
  ],
  [
    "another bundle",
    { ...labels, "io.ray-entrypoint.source": "abd" },
    "dist/, docker/ or a Dockerfile changed since it was built",
  ],
])("an image: %s", (_, given, why) => {
  expect(judgeImage(given, wanted)).toBe(why);
});

test("the health service's image has no Ray image below it", () => {
  expect(judgeImage({ "io.ray-entrypoint.source": "abc" }, { base: undefined, source: "abc" })).toBe(
    undefined,
  );
});

test.each(["null", "", "no json", '{"a": 1}'])("labels %j are none of ours", (text) => {
  expect(readLabels(text)).toEqual({});
});

test("the digest changes with the bundle, and with no other file", () => {
  const root = mkdtempSync(join(tmpdir(), "ws-source-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "dist"));
  const before = sourceVariables(root, []);
  writeFileSync(join(root, "dist/ws.js"), "x");
  expect(sourceVariables(root, [])).toEqual(before);
  writeFileSync(join(root, "dist/entrypoint.js"), "x");
  const after = sourceVariables(root, []);
  expect(after.WS_NODE_SOURCE).not.toBe(before.WS_NODE_SOURCE);
  expect(after.WS_HEALTH_SOURCE).toBe(before.WS_HEALTH_SOURCE);
});

test("a build that failed shows the step that the builder told on standard output, and why", () => {
  const stdout = "Step 1/9 : FROM bare\n✗ No Ray in this image: use a base with Ray\n";
  const shown = withSteps(refusal("docker compose build", ["returned a non-zero code: 1"], stdout));
  expect(shown.lines.at(1)).toContain("No Ray in this image");
  expect(shown.cause).toContain("has no Ray");
});

test("services whose images have one reason stand together", () => {
  const [none, changed] = ["there is none yet", "dist/ changed"];
  const stale = new Map([
    ...["health", "ray-small-1"].map((name) => [name, changed] as const),
    ["ray-big", none],
  ]);
  expect(withReasons(stale)).toBe("health, ray-small-1 (dist/ changed); ray-big (there is none yet)");
});
