import { expect, test } from "vitest";
import { PROJECT, WsProject } from "../fixtures/docker/ws-project.ts";

/** What a node has kept of its cluster, on Docker: spoiled, and given up by its user. */
const NODE = "ray-cpu";
const project = WsProject.open({
  services: { ray: { cpu: { cpus: 1, memory: "2g" }, gpu: { enabled: false } } },
});

const up = () => project.ws(["up"]);
const ps = async (): Promise<string> => (await project.ws(["ps"])).text;

/** Runs a script in the node's state folder, while the node is stopped. */
async function inState(script: string): Promise<string> {
  const volume = `${PROJECT}-${NODE}-state:/state`;
  const words = ["--network", "none", "--entrypoint", "sh", "--workdir", "/state", "--volume", volume];
  const { code, text } = await project.docker("run", "--rm", ...words, `${PROJECT}-${NODE}`, "-c", script);
  expect(code, text).toBe(0);
  return text;
}

test.each([
  ["a file that Ray cannot read", "for each in gcs/*/CURRENT; do echo junk > $each; done", "Corruption"],
  ["without its session's name", "rm gcs/session_name", "session_name is missing"],
])("a store %s is named and kept; after ws reset-state a new cluster starts", async (_, damage, saw) => {
  const first = await up();
  expect(first, first.text).toMatchObject({ code: 0 });
  await project.docker("stop", `${PROJECT}-${NODE}`);
  await inState(damage);
  const refused = await up();
  expect(refused, refused.text).toMatchObject({ code: 75 });
  expect(refused.text).toMatch(new RegExp(`Ray's GCS cannot use the state in \\S+, which is kept: .*${saw}`));
  expect(refused.text).toMatch(/^→ Likely cause: .*ws --?.* reset-state NODE$/m);
  expect(await inState("ls")).toMatch(/^gcs$/m);
  const reset = await project.ws(["reset-state", NODE]);
  expect(reset, reset.text).toMatchObject({ code: 0, text: expect.stringContaining("is put aside") });
  const anew = await up();
  expect(anew, anew.text).toMatchObject({ code: 0 });
  expect(await ps()).toMatch(/^HEAD ray-cpu at \S+, new cluster /m);
});
