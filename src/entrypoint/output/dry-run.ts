import { formatAddress } from "../../common/address.ts";
import type { Variable } from "../../common/environment.ts";
import { renderFailure } from "../../common/failure.ts";
import { hidden, shown, visible } from "../../common/output/shown.ts";
import { renderProbe } from "../../common/probe-result.ts";
import { CONTRACT } from "../config/variables.ts";
import type { HeardHealth, Seen } from "../election/collect.ts";
import { decide } from "../election/decide/decide.ts";
import type { Decision } from "../election/decide/decision.ts";
import { roleOf } from "../election/elect.ts";
import { type Command, type PlanInput, planInstall, planRayStart } from "../ray/command.ts";
import { renderStore } from "../ray/store/choice.ts";
import { type Event, render } from "./event.ts";
import { exitCodeOf } from "./exit-code.ts";
import { introduction } from "./introduction.ts";
import { redactCommand, redactEnv } from "./redact.ts";

export interface DryRunInput extends PlanInput {
  readonly version: string;
  /** What a member of several machines says first. */
  readonly membership?: readonly Event[];
  readonly seen: Seen & { readonly health: HeardHealth };
}

const NOBODY_GRANTS = { kind: "no-answer", cause: "the health service is down or keeps none" } as const;

/**
 * Decides on what was seen and shows all of it, as docs/dry-run.schema.json has it. Pure: no lease is asked for and
 * nothing is started.
 */
export function dryRun(input: DryRunInput) {
  const { version, config, local, seen } = input;
  const { health, heads } = seen;
  const { user, requirements, ray } = local;
  const { path, version: ownRayVersion, python } = ray;
  const installed = { user, ray: path, rayVersion: ownRayVersion, pythonVersion: python, requirements };
  const lease = health.kind === "lease" ? null : NOBODY_GRANTS;
  const never = { waitedMs: 0, headUnseenMs: 0, lastRole: null };
  const decision = decide(config, { ...seen, ...never, lease, ownRayVersion });
  const url = config.values.HEALTH_URL?.join(", ") ?? "none";
  const said = render({ type: "health", url, fact: health });
  return {
    version,
    node: config.node,
    config: CONTRACT.map(([name, variable]) => showSetting(name, variable, config.texts[name])),
    introduction: [...(input.membership ?? []), ...introduction(input)].flatMap(render),
    facts: {
      local: { ms: round(local.ms), ...installed },
      health: { url, kind: health.kind, ms: round(health.ms), text: said.join("\n") },
      heads: heads.map(({ name, result }) => ({
        name,
        address: formatAddress(result.address),
        kind: result.kind,
        ms: round(result.ms),
        text: renderProbe(result),
      })),
    },
    decision: { role: decision.role, rule: decision.rule, text: describe(decision) },
    plan: showPlan(decision, input),
    exitCode: decision.role === "none" ? exitCodeOf(decision.failure) : 0,
  };
}

export type DryRunReport = ReturnType<typeof dryRun>;

const round = (ms: number): number => Math.round(ms * 10) / 10;

function showSetting(name: string, { secret, fallback }: Variable, given: string | undefined) {
  const value = given === undefined ? fallback : secret ? hidden(given) : shown(given);
  return { name, value, origin: given === undefined ? "default" : "environment" };
}

function describe(decision: Decision): string {
  if (decision.role === "none") return renderFailure(decision.failure).map(visible).join("\n");
  if (decision.role === "ask-lease")
    return "→ HEAD if the health service grants the head lease (a dry run does not ask for it)";
  return render({ type: "decision", decision }).join("\n");
}

/** Null where this node would wait or end. */
function showPlan(decision: Decision, input: DryRunInput) {
  if (decision.role === "wait" || decision.role === "none") return null;
  const role = roleOf(decision);
  const show = (command: Command) => ({
    command: redactCommand(command),
    user: input.local.rayUser.name,
    path: command.env.PATH ?? "",
    env: redactEnv(command.env),
  });
  const { start, ready, store } = planRayStart(input, role);
  return {
    role: role.role,
    state: store && renderStore(store),
    before: planInstall(input).map(show),
    start: show(start),
    ready: { gcs: formatAddress(ready.gcs), nodeName: ready.nodeName, timeout: ready.timeoutMs / 1000 },
  };
}

/** The report of a node that has nothing to decide yet, as its schema has it: it is no member, or one that was removed. */
export const dryRunAlone = (version: string, node: string, event: Event) => ({
  ...{ version, node, introduction: render(event), exitCode: 0 },
});

/** The report for people. */
export function renderDryRun(report: DryRunReport): string[] {
  const { config, decision, plan } = report;
  const { local, health, heads } = report.facts;
  const width = Math.max(...config.map(({ name }) => name.length));
  const unknown = "of unknown version";
  const facts = [
    `user ${local.user}, Ray ${local.rayVersion ?? unknown} on Python ${local.pythonVersion ?? unknown} at ${local.ray} (${local.ms} ms)`,
    `to install first: ${local.requirements.join(", ") || "nothing"}`,
    ...report.introduction,
    health.text,
    ...heads.map(({ text }) => text),
  ];
  return [
    `Dry run of ray-entrypoint ${report.version} on node ${report.node}: nothing is started, no lease is taken`,
    "Configuration",
    ...config.map(({ name, value, origin }) => `  ${name.padEnd(width)}  ${value ?? "–"}  (${origin})`),
    "Facts",
    ...facts.map((line) => `  ${line}`),
    `Decision (rule ${decision.rule})`,
    ...decision.text.split("\n").map((line) => `  ${line}`),
    "Plan",
    ...(plan === null ? ["  none yet"] : renderPlan(plan)),
    `Exit code ${report.exitCode}`,
  ];
}

const renderPlan = ({ before, start, ready, state }: NonNullable<DryRunReport["plan"]>): string[] => [
  ...before.map(({ command }) => `  first    ${command.join(" ")}`),
  `  command  ${start.command.join(" ")}`,
  `  user     ${start.user}`,
  `  PATH     ${start.path}`,
  ...(state === null ? [] : [`  state    ${state}`]),
  `  ready    when ${ready.gcs} lists ${ready.nodeName} as ALIVE, within ${ready.timeout} s`,
  "  environment",
  ...Object.entries(start.env).map(([name, value]) => `    ${name}=${value}`),
];
