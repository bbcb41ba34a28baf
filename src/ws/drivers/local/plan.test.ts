import { expect, test } from "vitest";
import { settingsOf } from "../../../../test/fixtures/settings.ts";
import { foldersOf, readMachine } from "./machine.ts";
import { planNode } from "./plan.ts";

test("the agent's port is wanted at 127.0.0.1 too, where the agent of another cluster may be", () => {
  const settings = settingsOf("");
  const machine = readMachine(settings, foldersOf("/"), { binDir: "", dist: "", configFolder: "" });
  const ports = settings.nodes.flatMap((node) => planNode(settings, node, machine).ports);
  expect(ports.filter(({ use }) => use === "dashboard agent")).toEqual(
    [
      ["127.28.0.3", 8365],
      ["127.0.0.1", 8365],
      ["127.28.0.4", 8465],
      ["127.0.0.1", 8465],
    ].map(([host, port]) => ({ host, port, use: "dashboard agent" })),
  );
});
