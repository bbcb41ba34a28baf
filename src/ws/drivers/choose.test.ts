import { expect, test } from "vitest";
import { err, ok } from "../../common/result.ts";
import { choose, type Surroundings } from "./choose.ts";

const found = ok({ compose: [], host: "127.0.0.1", version: "28.1", warnings: [] });
const away = err("Cannot connect to the Docker daemon");

interface Case {
  readonly asked?: Surroundings["asked"];
  readonly last?: Surroundings["last"];
  readonly runs?: boolean;
  readonly engine?: boolean;
}

async function chosen({ asked, last, runs = false, engine = false }: Case): Promise<string> {
  const choice = await choose({
    asked,
    last,
    embeddedRuns: () => runs,
    findTools: async () => (engine ? found : away),
  });
  if (!choice.ok) return choice.error.reason;
  return `${choice.value.name}${choice.value.obvious ? "" : `, said: ${choice.value.why.slice(0, 24)}`}`;
}

test.each<[string, Case, string]>([
  ["nothing known, an engine", { engine: true }, "docker"],
  ["nothing known, no engine", {}, "embedded, said: no Docker here: Cannot c"],
  ["docker was up, its engine is away", { last: "docker" }, "engine-away"],
  [
    "docker was up and asked for, its engine is away",
    { last: "docker", asked: "docker" },
    "runtime-not-available",
  ],
  ["docker was up, the other one is asked for", { last: "docker", asked: "embedded" }, "embedded"],
  [
    "docker was up, and embedded runs as well",
    { last: "docker", runs: true, engine: true },
    "embedded, said: its cluster runs; --runt",
  ],
  ["embedded was up and runs", { last: "embedded", runs: true, engine: true }, "embedded"],
  [
    "embedded was up and ended by itself",
    { last: "embedded", engine: true },
    "embedded, said: the last ws up used it; ",
  ],
  ["embedded was up, docker is asked for", { last: "embedded", asked: "docker", engine: true }, "docker"],
])("%s", async (_, given, expected) => {
  expect(await chosen(given)).toBe(expected);
});
