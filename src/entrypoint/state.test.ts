import { describe, expect, test } from "vitest";
import { after, type NodeState, type Step } from "./state.ts";

const STEPS: Readonly<Record<Step["kind"], Step>> = {
  wait: { kind: "wait", reason: { kind: "head", addresses: [] } },
  start: { kind: "start", role: { role: "head" } },
  alive: { kind: "alive", nodeId: "ab" },
  watch: { kind: "watch", everyMs: 1000 },
  restart: { kind: "restart", delayMs: 0, restarts: 1 },
  decide: { kind: "decide" },
  stop: { kind: "stop", signal: "SIGTERM" },
  over: { kind: "over" },
};

const walk = (...kinds: Step["kind"][]): NodeState =>
  kinds.reduce<NodeState>((state, kind) => after(state, STEPS[kind]), "deciding");

describe("the chart", () => {
  test.each<[Step["kind"][], NodeState]>([
    [["start", "alive", "watch"], "watching"],
    [["wait", "wait", "start"], "starting"],
    [["start", "alive", "watch", "restart", "decide", "wait"], "waiting-for-head"],
    [["start", "restart", "start"], "starting"],
    [["start", "restart", "restart", "decide"], "deciding"],
  ])("%j leads to %s", (steps, state) => {
    expect(walk(...steps)).toBe(state);
  });

  const LIVING: Step["kind"][][] = [
    [],
    ["wait"],
    ["start"],
    ["start", "alive"],
    ["start", "alive", "watch"],
    ["start", "restart"],
  ];

  test.each(LIVING)("after %j %j … a stop drains, and the end is the end", (...steps) => {
    expect(walk(...steps.filter(Boolean), "stop", "over")).toBe("stopped");
    expect(walk(...steps.filter(Boolean), "over")).toBe("stopped");
  });

  test("a step that is not in the chart is a bug and says so", () => {
    expect(() => walk("alive")).toThrow('no step "alive" leads out of the state "deciding"');
    expect(() => walk("over", "start")).toThrow("stopped");
  });
});
