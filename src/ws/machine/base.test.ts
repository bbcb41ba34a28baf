import { expect, test } from "vitest";
import { err, ok } from "../../common/result.ts";
import { refusal } from "../drivers/compose/engine.ts";
import type { Driver } from "../drivers/driver.ts";
import { compareBase } from "./base.ts";

const FIRST = { member: "gpu01", image: "ray:2", layers: "f".repeat(64) };

/** A cluster that answers, and what it was told. */
function answering(answer: { status: number; body: string } | string) {
  const told: unknown[] = [];
  const ask = async (...asked: unknown[]) => {
    told.push(asked);
    return typeof answer === "string" ? err(answer) : ok({ ...answer, dateMs: 0 });
  };
  return { told, cluster: (async () => ({ ask })) as unknown as NonNullable<Driver["cluster"]> };
}
const docker = async () => ok('["sha256:a","sha256:b"]\n');
const first = (more: object | null) => ({ status: 200, body: JSON.stringify({ first: more }) });

test("other layers than the first member's are told, with both images; the same ones are not, whatever their names", async () => {
  const { told, cluster } = answering(first(FIRST));
  const [problem] = await compareBase(docker, "ray:latest", cluster);
  expect(told).toEqual([
    ["POST", "/v1/base", { image: "ray:latest", layers: expect.stringMatching(/^\w{64}$/) }],
  ]);
  const [[, , { layers }]] = told as [[string, string, { layers: string }]];
  expect(problem?.problem).toContain(`made from ray:latest (layers ${layers.slice(0, 8)})`);
  expect(problem?.problem).toContain("that of gpu01 from ray:2 (layers ffffffff)");
  expect(problem?.fix).toContain("docker save ray:2");
  expect(await compareBase(docker, "ray:latest", answering(first({ ...FIRST, layers })).cluster)).toEqual([]);
});

test.each([
  ["nobody answers", "no answer"],
  ["the service is older", { status: 404, body: '{"error":"there is nothing"}' }],
  ["the first member has told nothing", first(null)],
])("nothing is compared where %s", async (_, answer) => {
  expect(await compareBase(docker, "ray:latest", answering(answer).cluster)).toEqual([]);
});

test("an image that the engine does not have is told to nobody", async () => {
  const { told, cluster } = answering(first(FIRST));
  expect(await compareBase(async () => err(refusal("docker", [])), "ray:latest", cluster)).toEqual([]);
  expect(told).toEqual([]);
});
