import * as z from "zod/mini";
import { formatAddress } from "../common/address.ts";
import { renderFailure } from "../common/render-failure.ts";
import { renderSighting } from "../common/render-sighting.ts";
import { VARIABLES, type Variable } from "./config/variables.ts";
import { type Config, VARIABLE_NAMES } from "./config.ts";
import type { Decision } from "./decide/decision.ts";
import { decide } from "./decide.ts";
import { exitCodeOf } from "./exit-code.ts";
import type { LocalFact } from "./facts.ts";
import { type Command, type Plan, planInstall, planRayStart, type Role, type RunAs } from "./plan.ts";
import type { Seen } from "./probes/collect.ts";
import { HIDDEN, redactCommand, redactEnv } from "./redact.ts";
import { render } from "./render.ts";

/** A text or number with the words that the JSON Schema shows beside it. */
const text = (meaning: string) => z.string().check(z.describe(meaning));
const number = (meaning: string) => z.number().check(z.describe(meaning));

const ShownCommand = z.object({
  command: z.array(z.string()).check(z.describe("the program and its words; secrets are hidden")),
  user: text("the user that it runs as"),
  path: text("its PATH"),
  env: z.record(z.string(), z.string()).check(z.describe("its whole environment; secrets are hidden")),
});

const ShownSetting = z.object({
  name: text("the variable"),
  value: z.nullable(z.string()).check(z.describe("its text; null where it has no value; secrets are hidden")),
  origin: z.enum(["default", "environment"]),
});

const ShownHead = z.object({
  name: z.nullable(z.string()).check(z.describe("its name in the whitelist; null where it has none")),
  address: text("host:port"),
  kind: text("ray-gcs, unauthorized, not-ray, refused, unreachable, unresolved or timeout"),
  ms: number("milliseconds that the answer took"),
  text: text("the same in words"),
});

/** What `--dry-run --json` prints. Its JSON Schema is docs/dry-run.schema.json. */
export const DryRunReport = z.object({
  version: text("the version of the entrypoint"),
  node: text("the name of this node"),
  config: z.array(ShownSetting).check(z.describe("every variable of the contract, in its order")),
  facts: z.object({
    local: z.object({
      ms: number("milliseconds that the look at this machine took"),
      user: text("the user that the entrypoint runs as"),
      ray: z.nullable(z.string()).check(z.describe("the path of ray; null where there is none")),
      rayVersion: z
        .nullable(z.string())
        .check(z.describe("null where it cannot be read without starting ray")),
      requirements: z
        .array(z.string())
        .check(z.describe("the requirements files that would be installed first")),
    }),
    health: z.object({
      url: text("where the health service was asked"),
      kind: text("lease, plain, down or unknown (not waited for)"),
      ms: number("milliseconds that the answer took"),
      text: text("the same in words"),
    }),
    heads: z
      .array(ShownHead)
      .check(z.describe("what each possible HEAD answered, in the order of the whitelist")),
  }),
  decision: z.object({
    role: z
      .enum(["head", "worker", "ask-lease", "wait", "none"])
      .check(
        z.describe(
          "ask-lease: HEAD if the health service grants the lease, which a dry run does not ask for",
        ),
      ),
    rule: text("the rule of the decision table that made it"),
    text: text("the same in words"),
  }),
  plan: z
    .nullable(
      z.object({
        role: z.enum(["head", "worker"]),
        before: z.array(ShownCommand).check(z.describe("what runs first, one after the other")),
        start: ShownCommand,
        ready: z.object({
          gcs: text("host:port of the GCS that must list this node as ALIVE"),
          nodeName: text("the name under which it must"),
          timeout: number("seconds within which it must"),
        }),
      }),
    )
    .check(z.describe("what would run; null where this node would wait or end")),
  exitCode: z.int().check(z.describe("what this node would exit with at once; 0 where it would run or wait")),
});
export type DryRunReport = z.infer<typeof DryRunReport>;

export interface DryRunInput {
  readonly version: string;
  readonly config: Config;
  readonly local: LocalFact;
  readonly seen: Seen;
  readonly runAs: RunAs;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Decides on what was seen and shows all of it. Pure: no lease is asked for and nothing is started. */
export function dryRun(input: DryRunInput): DryRunReport {
  const { config, local, seen } = input;
  const ownRayVersion = local.ray.kind === "found" ? local.ray.version : null;
  const decision = decide(config, {
    ...seen,
    lease: null,
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
  if (decision.role === "none") return renderFailure(decision.failure).join("\n");
  if (decision.role === "ask-lease")
    return "→ HEAD if the health service grants the head lease (a dry run does not ask for it)";
  return render({ type: "decision", decision }).join("\n");
}

function showConfig(config: Config): DryRunReport["config"] {
  return VARIABLE_NAMES.map((name) => {
    const variable: Variable<unknown> = VARIABLES[name];
    const given = config.texts[name];
    return {
      name,
      value: given !== undefined && variable.secret ? HIDDEN : (given ?? variable.fallback),
      origin: given === undefined ? "default" : "environment",
    };
  });
}

function showFacts({ config, local, seen }: DryRunInput, rayVersion: string | null): DryRunReport["facts"] {
  const url = config.values.HEALTH_URL;
  return {
    local: {
      ms: round(local.ms),
      user: local.user,
      ray: local.ray.kind === "found" ? local.ray.path : null,
      rayVersion,
      requirements: [...local.requirements],
    },
    health: {
      url,
      kind: seen.health.kind,
      ms: round(seen.health.ms),
      text:
        render({ type: "health", url, fact: seen.health }).join("\n") ||
        "→ Health service: not waited for, as the HEAD is known without it",
    },
    heads: seen.heads.map(({ name, sighting }) => ({
      name,
      address: formatAddress(sighting.address),
      kind: sighting.kind,
      ms: round(sighting.ms),
      text: renderSighting(sighting),
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
