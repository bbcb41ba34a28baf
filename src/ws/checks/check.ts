import type { Result } from "../../common/result.ts";
import type { CheckContext } from "./context.ts";

/**
 * The sections of the specification's checklist (docs/specification.md), in its order; after them its scenarios, and ours. Each by
 * the word that its checks' ids begin with.
 */
export const SECTIONS = {
  cluster: "Cluster",
  health: "Health service",
  dashboard: "Ray dashboard",
  client: "Test client",
  worker: "Test worker",
  settings: "Settings injection",
  path: "PATH",
  scenario: "Scenarios",
  pairs: "Between the nodes",
  nat: "Across networks",
} as const;
export type SectionKey = keyof typeof SECTIONS;

/** What a check saw: one line, the same whether it holds or not. */
export interface Verdict {
  readonly ok: boolean;
  /** It could not be judged after all: skipped, neither ✓ nor ✗. */
  readonly open?: true;
  readonly saw: string;
}

/** One line of the checklist, as data. What runs, prints and reports it does not know what it checks. */
export interface Check {
  /** Kebab-case, with its section in front: `cluster/head`. */
  readonly id: `${SectionKey}/${string}`;
  readonly title: string;
  readonly judge: (context: CheckContext) => Verdict | Promise<Verdict>;
  /** Why it needs nodes that are isolated from each other and from this machine; undefined: it does not. */
  readonly needsIsolation?: string;
}

export const check = (id: Check["id"], title: string, judge: Check["judge"]): Check => ({ id, title, judge });

export interface CheckResult {
  readonly id: string;
  readonly section: (typeof SECTIONS)[SectionKey];
  readonly title: string;
  readonly outcome: "ok" | "failed" | "skipped";
  readonly saw: string;
  readonly ms: number;
}

export const verdict = (ok: boolean, saw: string): Verdict => ({ ok, saw });
export const fails = (saw: string): Verdict => verdict(false, saw);
export const cannotJudge = (saw: string): Verdict => ({ ok: false, open: true, saw });

/** What `judge` makes of an answer; where there is none, that is what was seen. */
export async function given<T>(
  asked: Promise<Result<T, string>>,
  judge: (answer: T) => Verdict | Promise<Verdict>,
): Promise<Verdict> {
  const answer = await asked;
  return answer.ok ? judge(answer.value) : fails(answer.error);
}

/** A verdict of `judge`, also where it throws; `what` then stands in front. */
export async function attempt(what: string, judge: () => Verdict | Promise<Verdict>): Promise<Verdict> {
  try {
    return await judge();
  } catch (error) {
    return fails(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Holds where all parts do that can be judged. `none`: what to say where there are none. */
export function allOf(parts: readonly Verdict[], none = ""): Verdict {
  const saw = parts.map((part) => part.saw).join("; ") || none;
  const judged = parts.filter(({ open }) => !open);
  if (judged.length === 0 && parts.length > 0) return cannotJudge(saw);
  return verdict(
    judged.every(({ ok }) => ok),
    saw,
  );
}

/** Judges all these services at once; what each shows stands behind its name. */
export async function eachOf(
  names: readonly string[],
  judge: (name: string) => Verdict | Promise<Verdict>,
): Promise<Verdict> {
  const verdicts = await Promise.all(names.map(judge));
  const named = verdicts.map((each, i) => ({ ...each, saw: `${names[i]}: ${each.saw}` }));
  return allOf(named, "one node only");
}
