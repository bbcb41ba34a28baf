import { expect, test } from "vitest";
import type { ReachAnswer } from "../../common/protocol/reach.ts";
import { renderReachBack } from "./render-state.ts";

const says = (result: ReachAnswer["result"], change: Partial<ReachAnswer> = {}): string[] =>
  renderReachBack({
    type: "reach-back",
    port: 24_000,
    answer: {
      ok: true,
      value: { result, message: "it says why", from: null, to: "gpu:24000", address: null, ...change },
    },
  });

test("who is reached learns from where", () => {
  expect(says("reached", { from: "172.28.0.2" })).toEqual([
    "✓ Others reach this node at gpu:24000 (asked from 172.28.0.2)",
  ]);
});

test.each<[ReachAnswer["result"], RegExp]>([
  ["refused", /^ {2}→ Publish the port: add it to `ports`/],
  ["timeout", /^ {2}→ Open the port in the firewall, or correct the address that `extra_hosts` gives/],
  ["no-route", /^ {2}→ Correct the address that `extra_hosts` gives this name/],
  ["name-not-found", /^ {2}→ Add this node's name with the host's address to `extra_hosts`/],
  ["wrong-answer", /^ {2}→ Another program has this port on the host: give NODE_MANAGER_PORT/],
])("%s is an error that names what is missing", (result, fix) => {
  const [what, how] = says(result);
  expect(what).toBe(
    "✗ Others cannot reach this node at gpu:24000: it says why; the HEAD will count it as dead",
  );
  expect(how).toMatch(fix);
});

test("each failure has its own way out", () => {
  const failures = ["refused", "timeout", "no-route", "name-not-found", "wrong-answer"] as const;
  expect(new Set(failures.map((each) => says(each)[1])).size).toBe(failures.length);
});

test.each(["busy", "not-known"] as const)("%s says that nothing was checked, and is no failure", (result) => {
  expect(says(result)).toEqual(["→ Reach-back not checked on port 24000: it says why"]);
});

test("a health service that does not answer is no failure either", () => {
  const answer = { ok: false, error: "HTTP 404" } as const;
  expect(renderReachBack({ type: "reach-back", port: 24_000, answer })).toEqual([
    "→ Reach-back not checked on port 24000: HTTP 404",
  ]);
});
