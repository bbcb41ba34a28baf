import { expect, test } from "vitest";
import { changeOf } from "./plan.ts";

const wanted = { service: "ray-cpu", build: undefined, imageId: "sha256:1", configHash: "a" };
const runs = { imageId: "sha256:1", configHash: "a", folder: "/here" };

test.each([
  ["as it should be", runs, wanted, undefined],
  ["not wanted any more", runs, undefined, { action: "stop" }],
  ["another config.yaml", { ...runs, configHash: "b" }, wanted, { why: expect.stringContaining("changed") }],
  [
    "D15 another folder's config.yaml under the same project.name",
    { ...runs, configHash: "b", folder: "/theirs" },
    wanted,
    { action: "replace", why: "it was started from /theirs, with other settings" },
  ],
  [
    "an image that has to be built",
    runs,
    { ...wanted, build: "there is none yet" },
    { why: "its image is rebuilt: there is none yet" },
  ],
  ["an image that was built meanwhile", { ...runs, imageId: "sha256:0" }, wanted, { action: "replace" }],
])("E2 E8 a container that runs: %s", (_, container, service, expected) => {
  const change = changeOf(container, service, "/here");
  if (expected === undefined) expect(change).toBe(undefined);
  else expect(change).toMatchObject(expected);
});
