import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ok } from "../../common/result.ts";
import type { Project } from "../drivers/compose/project.ts";
import { emptyJoinToken, JOIN_TOKEN, machineSecrets, writeMachine } from "../state/machine.ts";
import { memberDriver } from "./driver.ts";

type Given = Parameters<typeof memberDriver>[0];

/** A driver whose engine has that membership in the node's container, and each look for it. `more`: what it answers besides. */
function looking(membership: () => string, more: Record<string, string> = {}, stateDir = "/nowhere") {
  const looks: string[] = [];
  const docker: Project["engine"]["docker"] = async ([first = "", ...words]) => {
    looks.push(first);
    return ok(first === "cp" ? membership() : (more[`${first} ${words.at(-1)}`] ?? ""));
  };
  const machine = { name: "gpu02", advertise: "10.0.0.2:8443" };
  const settings = { machine, projectName: "p", test: {}, nodes: [] } as unknown as Given["settings"];
  const engine = { docker, compose: docker, host: "127.0.0.1" };
  const places = { stateDir, configFolder: "/nowhere", root: "/nowhere" };
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

test("a membership that was found before its node had keys for Ray is looked for again", async () => {
  const early = { ...JSON.parse(MEMBERSHIP), rayTls: true };
  let membership = JSON.stringify(early);
  const { driver } = looking(() => membership);
  expect(await driver.membership()).toMatchObject({ member: "gpu02" });
  const rayKeys = { cert: "c", key: "k", ca: "a" };
  membership = JSON.stringify({ ...early, rayKeys });
  expect(await driver.membership()).toMatchObject({ rayKeys });
  membership = "";
  expect(await driver.membership()).toMatchObject({ rayKeys });
});

test("after ws down the membership is found in the node's volume, where somebody asks for it", async () => {
  const file = "run /opt/ray-entrypoint/state/membership.json";
  const there = { "volume name=^p-gpu02-state$": "p-gpu02-state\n", [file]: MEMBERSHIP };
  const { driver } = looking(() => "", there);
  expect(await driver.cluster?.()).toBeUndefined();
  expect(await driver.cluster?.({ isDown: true })).toMatchObject({ access: { bearer: "gpu02:c" } });
  // No container makes a volume that is gone anew.
  const gone = looking(() => "", { [file]: MEMBERSHIP });
  expect(await gone.driver.cluster?.({ isDown: true })).toBeUndefined();
  expect(gone.looks).not.toContain("run");
});

test("after a join its token is worth nothing, whoever has the file open; the member starts again without one", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "machine-"));
  onTestFinished(() => rmSync(stateDir, { recursive: true }));
  writeMachine(stateDir, { name: "gpu02", candidate: true }, "ws1.secret");
  const path = join(machineSecrets(stateDir), JOIN_TOKEN);
  const mounted = openSync(path, "r");
  onTestFinished(() => closeSync(mounted));
  emptyJoinToken(stateDir);
  expect(readFileSync(mounted, "utf8")).toBe("");
  expect(statSync(path)).toMatchObject({ mode: 0o100444, size: 0 });
  const { driver } = looking(() => MEMBERSHIP, {}, stateDir);
  const request = { part: "main", head: { host: "m1", port: 1 }, build: false } as const;
  expect((await driver.start(request, ["gpu02"], new AbortController().signal)).ok).toBe(true);
  // One that has lost its membership has its own health service make one, which is not here.
  const lost = looking(() => "", {}, stateDir);
  const started = await lost.driver.start(request, ["gpu02"], new AbortController().signal);
  expect(started).toMatchObject({ error: { reason: "no-authority" } });
});
