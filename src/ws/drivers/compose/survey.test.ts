import { expect, test } from "vitest";
import { whyReplaced } from "./survey.ts";

const wanted = { build: undefined, imageId: "sha256:1", configHash: "a" };
const runs = { imageId: "sha256:1", configHash: "a", elsewhere: undefined };

test.each([
  ["as it should be", runs, wanted, undefined],
  ["another config.yaml", { ...runs, configHash: "b" }, wanted, expect.stringContaining("changed")],
  [
    "D15 another folder's config.yaml under the same project.name",
    { ...runs, configHash: "b", elsewhere: "/theirs" },
    wanted,
    "it was started from /theirs, with other settings",
  ],
  [
    "an image that has to be built",
    runs,
    { ...wanted, build: "there is none yet" },
    "its image is rebuilt: there is none yet",
  ],
  ["an image that was built meanwhile", { ...runs, imageId: "sha256:0" }, wanted, "its image was rebuilt"],
])("E2 E8 a container that runs: %s", (_, container, service, expected) => {
  expect(whyReplaced(container, service)).toEqual(expected);
});
