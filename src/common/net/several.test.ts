import { expect, test } from "vitest";
import { pause, realClock } from "../deadline.ts";
import { askSeveral } from "./several.ts";

/** Peers by what they say, and after how many milliseconds; and who was asked. */
function peers(says: Record<string, readonly [ms: number, answer: string | null]>) {
  const asked: string[] = [];
  const several = askSeveral(Object.keys(says), realClock);
  const ask = async () => {
    const outcome = await several(
      400,
      async (peer) => {
        asked.push(peer);
        const [ms, answer] = says[peer] ?? [0, null];
        await pause(ms);
        return answer ?? `no ${peer}`;
      },
      (answer) => !answer.startsWith("no "),
    );
    return { outcome, asked: asked.splice(0).join("") };
  };
  return { says, ask };
}

test("all are asked first, then the one that answered last alone", async () => {
  const { ask } = peers({ a: [0, null], b: [20, "B"], c: [100, "C"] });
  expect(await ask()).toEqual({ outcome: { by: "b", answer: "B" }, asked: "abc" });
  expect(await ask()).toEqual({ outcome: { by: "b", answer: "B" }, asked: "b" });
});

test("where that one fails, or is silent for half the time, the others are asked too, and nobody twice", async () => {
  const { ask, says } = peers({ a: [0, "A"], b: [20, "B"] });
  await ask();
  says.a = [0, null];
  expect(await ask()).toEqual({ outcome: { by: "b", answer: "B" }, asked: "ab" });
  says.a = [0, "A"];
  says.b = [5000, "B"];
  const beganMs = performance.now();
  expect(await ask()).toEqual({ outcome: { by: "a", answer: "A" }, asked: "ba" });
  expect(performance.now() - beganMs).toBeLessThan(2000);
});

test("nobody answers: all that they came to", async () => {
  const { ask } = peers({ a: [0, null], b: [10, null] });
  expect(await ask()).toEqual({ outcome: { failures: ["no a", "no b"] }, asked: "ab" });
});

test("a bug in what is asked rejects, and leaves nobody waiting", async () => {
  const several = askSeveral(["a", "b"], realClock);
  const bug = () => Promise.reject(new Error("a bug"));
  await expect(several(400, bug, () => true)).rejects.toThrow("a bug");
});
