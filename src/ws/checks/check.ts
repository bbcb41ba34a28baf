import type { CheckContext } from "./context.ts";

/** The sections of the specification's checklist (docs/specification.md), in its order; after them ours, and its scenarios. */
const SECTIONS = [
  "Cluster",
  "Health service",
  "Ray dashboard",
  "Test client",
  "Test worker",
  "Settings injection",
  "PATH",
  "Scenarios",
  "Between the nodes",
  "Across networks",
] as const;
export type Section = (typeof SECTIONS)[number];

/** What a check saw: one line, the same whether it holds or not. */
export interface Verdict {
  readonly ok: boolean;
  /** It could not be judged after all: skipped, neither ✓ nor ✗. */
  readonly open?: true;
  readonly saw: string;
}

/** One line of the checklist, as data: what runs it, prints it and reports it does not know what it checks. */
export interface Check {
  /** Kebab-case, with its section in front: `cluster/head`. */
  readonly id: string;
  readonly section: Section;
  readonly title: string;
  /** Why it cannot be judged in this runtime; undefined: it can. */
  readonly skip?: (context: CheckContext) => string | undefined;
  readonly run: (context: CheckContext) => Promise<Verdict>;
}

export interface CheckResult {
  readonly id: string;
  readonly section: Section;
  readonly title: string;
  readonly outcome: "ok" | "failed" | "skipped";
  readonly saw: string;
  readonly ms: number;
}

export const cannotJudge = (saw: string): Verdict => ({ ok: false, open: true, saw });
export const fails = (saw: string): Verdict => ({ ok: false, saw });
export const verdict = (ok: boolean, saw: string): Verdict => ({ ok, saw });
