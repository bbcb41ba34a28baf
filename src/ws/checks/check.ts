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

type Line = readonly [
  id: Check["id"],
  title: string,
  run: Check["run"],
  skip?: (context: CheckContext) => string | undefined,
];

/** The lines of one section. */
export const checksOf = (section: Section, lines: readonly Line[]): Check[] =>
  lines.map(([id, title, run, skip]) => ({
    id,
    section,
    title,
    run,
    ...(skip === undefined ? {} : { skip }),
  }));

export const cannotJudge = (saw: string): Verdict => ({ ok: false, open: true, saw });
export const fails = (saw: string): Verdict => ({ ok: false, saw });
export const verdict = (ok: boolean, saw: string): Verdict => ({ ok, saw });

/** Holds where all parts do. `none`: what to say where there are none. */
export const allOf = (parts: readonly Verdict[], none = ""): Verdict =>
  verdict(
    parts.every(({ ok }) => ok),
    parts.map(({ saw }) => saw).join("; ") || none,
  );

/** Judges all services at once; what each shows stands behind its name. */
export const eachOf = async (
  names: readonly string[],
  judge: (name: string) => Promise<Verdict>,
  none?: string,
): Promise<Verdict> => {
  const named = async (name: string) => {
    const { ok, saw } = await judge(name);
    return verdict(ok, `${name}: ${saw}`);
  };
  return allOf(await Promise.all(names.map(named)), none);
};

/** A verdict of `judge`, also where it throws; `what` then stands in front. */
export const attempt = (what: string, judge: () => Promise<Verdict>): Promise<Verdict> =>
  judge().catch((error: unknown) =>
    fails(`${what}: ${error instanceof Error ? error.message : String(error)}`),
  );
