import { expect, test } from "vitest";
import { ok } from "../../common/result.ts";
import type { Project } from "../drivers/compose/project.ts";
import { memberDriver } from "./driver.ts";

type Given = Parameters<typeof memberDriver>[0];

/** A driver whose engine has that membership, and each look for it. */
function looking(membership: () => string) {
  const looks: string[] = [];
  const docker: Project["engine"]["docker"] = async (words) => {
    looks.push(words.slice(0, 1).join());
    return ok(words[0] === "cp" ? membership() : "");
  };
  const settings = { machine: { name: "gpu02" }, projectName: "p", test: {} } as unknown as Given["settings"];
  const engine = { docker, compose: docker, host: "127.0.0.1" };
  const places = { stateDir: "/nowhere", configFolder: "/nowhere", root: "/nowhere" };
  const project = { ...places, engine, settings, env: {}, secrets: {} } as unknown as Given;
  return { driver: memberDriver(project), looks };
}

const MEMBERSHIP = JSON.stringify({
  ...{ member: "gpu02", address: "10.0.0.2", credential: "c", rayToken: "t", candidates: "", services: [] },
  ca: "",
});

test("a node that joins is not asked for its membership all the time, and before its container goes once more", async () => {
  let membership = "";
  const { driver, looks } = looking(() => membership);
  for (let i = 0; i < 3; i++) expect(await driver.cluster?.()).toBeUndefined();
  expect(looks).toEqual(["cp"]);
  membership = MEMBERSHIP;
  await driver.remove({ volumes: true });
  expect(looks.slice(0, 2)).toEqual(["cp", "cp"]);
  membership = "";
  expect(await driver.cluster?.()).toMatchObject({ token: "t" });
  expect(await driver.until(new AbortController().signal).membership()).toMatchObject({ text: MEMBERSHIP });
});
