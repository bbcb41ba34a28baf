import { formatAddress } from "../../common/address.ts";
import { renderFailure } from "../../common/failure.ts";
import { hidden, shown, visible } from "../../common/output/shown.ts";
import { renderProbe } from "../../common/probe-result.ts";
import type { Config } from "../config/config.ts";
import { type LocalFact, rayOf } from "../config/local.ts";
import { CONTRACT } from "../config/variables.ts";
import type { HeardHealth, Seen } from "../election/collect.ts";
import { decide } from "../election/decide/decide.ts";
import type { Decision } from "../election/decide/decision.ts";
import type { LeaseFact } from "../election/facts.ts";
import type { Role } from "../election/role.ts";
import { type Command, type Plan, planInstall, planRayStart, type RunAs } from "../ray/command.ts";
import type { DryRunReport } from "./dry-run-report.ts";
import { exitCodeOf } from "./exit-code.ts";
import { introduction } from "./introduction.ts";
import { redactCommand, redactEnv } from "./redact.ts";
import { render } from "./render.ts";

export interface DryRunInput {
  readonly version: string;
  readonly config: Config;
  readonly local: LocalFact;
  readonly seen: Seen & { readonly health: HeardHealth };
  readonly runAs: RunAs;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const NOBODY_GRANTS: LeaseFact = { kind: "no-answer", cause: "the health service is down or keeps none" };

/** Decides on what was seen and shows all of it. Pure: no lease is asked for and nothing is started. */
export function dryRun(input: DryRunInput): DryRunReport {
  const { config, local, seen } = input;
  const ownRayVersion = rayOf(local)?.version ?? null;
  const decision = decide(config, {
    ...seen,
    lease: seen.health.kind === "lease" ? null : NOBODY_GRANTS,
    ownRayVersion,
    waitedMs: 0,
    lastRole: null,
    headUnseenMs: 0,
  });
  const role = roleOf(decision);
  return {
    version: input.version,
    node: config.node,
    config: showConfig(config),
    introduction: introduction(input).flatMap(render),
    facts: showFacts(input, ownRayVersion),
    decision: { role: decision.role, rule: decision.rule, text: describeDecision(decision) },
    plan:
      role === null
        ? null
        : showPlan(planRayStart({ ...input, role }), planInstall(input, local.requirements), input),
    exitCode: decision.role === "none" ? exitCodeOf(decision.failure) : 0,
  };
}

function roleOf(decision: Decision): Role | null {
  if (decision.role === "worker") return { role: "worker", head: decision.head.address };
  return decision.role === "head" || decision.role === "ask-lease" ? { role: "head" } : null;
}

function describeDecision(decision: Decision): string {
  if (decision.role === "none") return renderFailure(decision.failure).map(visible).join("\n");
  if (decision.role === "ask-lease")
    return "→ HEAD if the health service grants the head lease (a dry run does not ask for it)";
  return render({ type: "decision", decision }).join("\n");
}

function showConfig(config: Config): DryRunReport["config"] {
  return CONTRACT.map(([name, variable]) => {
    const given = config.texts[name];
    const show = variable.secret ? hidden : shown;
    return {
      name,
      value: given === undefined ? variable.fallback : show(given),
      origin: given === undefined ? "default" : "environment",
    };
  });
}

function showFacts({ config, local, seen }: DryRunInput, rayVersion: string | null): DryRunReport["facts"] {
  const url = config.values.HEALTH_URL ?? "none";
  return {
    local: {
      ms: round(local.ms),
      user: local.user,
      ray: rayOf(local)?.path ?? null,
      rayVersion,
      pythonVersion: rayOf(local)?.python ?? null,
      requirements: [...local.requirements],
    },
    health: {
      url,
      kind: seen.health.kind,
      ms: round(seen.health.ms),
      text: render({ type: "health", url, fact: seen.health }).join("\n"),
    },
    heads: seen.heads.map(({ name, result }) => ({
      name,
      address: formatAddress(result.address),
      kind: result.kind,
      ms: round(result.ms),
      text: renderProbe(result),
    })),
  };
}

const round = (ms: number): number => Math.round(ms * 10) / 10;

function showPlan(
  plan: Plan,
  before: readonly Command[],
  { runAs }: DryRunInput,
): NonNullable<DryRunReport["plan"]> {
  const show = (command: Command) => ({
    command: redactCommand(command),
    user: runAs.user.name,
    path: command.env.PATH ?? "",
    env: redactEnv(command.env),
  });
  return {
    role: plan.role,
    before: before.map(show),
    start: show(plan.start),
    ready: {
      gcs: formatAddress(plan.ready.gcs),
      nodeName: plan.ready.nodeName,
      timeout: plan.ready.timeoutMs / 1000,
    },
  };
}
