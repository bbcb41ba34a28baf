import { visible } from "../common/output/shown.ts";
import type { Request } from "./config/args.ts";
import type { Deps } from "./deps.ts";
import { collect } from "./election/collect.ts";
import { dryRun, dryRunAlone, renderDryRun } from "./output/dry-run.ts";
import type { Event } from "./output/event.ts";
import type { Input } from "./real-deps.ts";

export type DryRun = Extract<Request, { kind: "dry-run" }>;

/** What a dry run prints, and its exit code. */
interface Explained {
  readonly text: string;
  readonly exitCode: number;
}

/** Looks at all that a decision takes, and tells what this node would do. */
export async function explain(
  input: Input,
  deps: Deps,
  membership: readonly Event[],
  { json }: DryRun,
): Promise<Explained> {
  const { heads, healthInTheEnd } = await collect(input.config, deps, input.stopRequest.asked, "all");
  const seen = { heads, health: await healthInTheEnd };
  const report = dryRun({ version: __VERSION__, membership, ...input, seen });
  return explained(report, json ? null : renderDryRun(report));
}

/** Of a node that has nothing to decide yet. */
export function explainAlone(node: string, event: Event, json: boolean): Explained {
  const report = dryRunAlone(__VERSION__, node, event);
  return explained(report, json ? null : report.introduction);
}

function explained(report: { readonly exitCode: number }, lines: readonly string[] | null): Explained {
  const shown = lines ?? JSON.stringify(report, null, 2).split("\n");
  return { text: `${shown.map(visible).join("\n")}\n`, exitCode: report.exitCode };
}
