import { type Problem, renderProblems } from "../../common/failure.ts";

/** The part of `FAILURES` that only a machine of a cluster of several meets. */
export const MEMBER_FAILURES = {
  2: {
    "others-need-it": ({ others }: { others: readonly string[] }) => [
      `✗ Other members need the health service of this machine: ${others.join(", ")}`,
      "→ Let another one take over: ws promote on another candidate. Or remove them first: ws remove NAME. Or leave them without one: ws leave --force.",
    ],
    "leads-now": ({ node }: Record<"node", string>) => [
      `✗ ${node} is the HEAD: the tasks of the cluster end with it, and the state that it keeps`,
      `→ To go ahead all the same: ws remove ${node} --force. Another candidate, if there is one, then leads a new cluster.`,
    ],
    "not-promoted": () => ["✗ Nothing was changed", "→ To go ahead: ws promote --yes."],
    "not-rotated": () => ["✗ Nothing was changed", "→ To go ahead: ws token --rotate --yes."],
    "member-stays": () => [
      "✗ What ws down -v removes is this machine's membership as well; nothing was changed",
      "→ To stop it: ws down. To end the membership: ws leave.",
    ],
    "other-cluster": ({ what, fix }: Record<"what" | "fix", string>) => [
      `✗ This machine has ${what} already`,
      `→ ${fix}`,
    ],
  },
  75: {
    "machine-not-ready": ({ problems }: { problems: readonly Problem[] }) =>
      renderProblems("This machine is not ready for the cluster", problems),
    "name-stays": ({ name, why }: Record<"name" | "why", string>) => [
      `✗ The health service did not hear that ${name} has left: ${why}`,
      `→ Free its name on the first machine, or on that of the last ws promote: ws remove ${name}`,
    ],
    "service-refused": ({ what, why }: Record<"what" | "why", string>) => [
      `✗ The health service of this machine did not ${what}: ${why}`,
      "→ Look at its log: ws logs health.",
    ],
  },
  78: {
    "log-elsewhere": ({ node }: Record<"node", string>) => [
      `✗ The log of ${node} is not on this machine, and the health service has no lines of it`,
      `→ On its machine: ws logs ${node}. Why it is as it is: ws ps. What happened to it: ws events.`,
    ],
    "bad-join-token": ({ why }: Record<"why", string>) => [
      `✗ That is no join token: ${why}`,
      "→ Copy the line that ws token prints on the first machine.",
    ],
    "no-such-interface": ({ asked, known }: Record<"asked", string> & { known: readonly string[] }) => [
      `✗ This machine has no network card or IPv4 address ${asked}`,
      known.length > 0 ? `→ Name one that it has: ${known.join(", ")}` : "→ It has none but its loopback",
    ],
    "no-member": () => [
      "✗ This machine is no member of a cluster of several machines",
      "→ To join one: ws join TOKEN. To begin one: ws init.",
    ],
    "stands-by": ({ what, at, on }: { what: string; at: string | undefined; on: string | undefined }) => [
      `✗ The health service of this machine stands by, and did not ${what}: the one ${on === undefined ? "" : `on ${on} `}at ${at ?? "another machine"} decides`,
      `→ Type it on ${on ?? "the machine of that one"}. If that machine is lost for good: ws promote, here.`,
    ],
    "no-authority": () => [
      "✗ No health service of a cluster of several machines has been started here",
      "→ Run this on the machine on which ws init was typed, or ws promote last. To begin a cluster: ws init.",
    ],
  },
} as const;
