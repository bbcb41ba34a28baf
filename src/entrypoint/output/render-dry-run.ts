import type { DryRunReport } from "./dry-run-report.ts";

/** The report for people. */
export function renderDryRun(report: DryRunReport): string[] {
  const width = Math.max(...report.config.map(({ name }) => name.length));
  const config = report.config.map(
    ({ name, value, origin }) => `  ${name.padEnd(width)}  ${value === null ? "–" : value}  (${origin})`,
  );
  const { local, health, heads } = report.facts;
  return [
    `Dry run of ray-entrypoint ${report.version} on node ${report.node}: nothing is started, no lease is taken`,
    "Configuration",
    ...config,
    "Facts",
    `  user ${local.user}, Ray ${local.rayVersion ?? "of unknown version"} on Python ${local.pythonVersion ?? "of unknown version"} at ${local.ray ?? "nowhere"} (${local.ms} ms)`,
    `  to install first: ${local.requirements.join(", ") || "nothing"}`,
    ...report.introduction.map((line) => `  ${line}`),
    `  ${health.text}`,
    ...heads.map(({ text }) => `  ${text}`),
    `Decision (rule ${report.decision.rule})`,
    ...report.decision.text.split("\n").map((line) => `  ${line}`),
    ...renderPlan(report),
    `Exit code ${report.exitCode}`,
  ];
}

function renderPlan({ plan }: DryRunReport): string[] {
  if (plan === null) return ["Plan", "  none yet"];
  const { start, before, ready } = plan;
  return [
    "Plan",
    ...before.map(({ command }) => `  first    ${command.join(" ")}`),
    `  command  ${start.command.join(" ")}`,
    `  user     ${start.user}`,
    `  PATH     ${start.path}`,
    `  ready    when ${ready.gcs} lists ${ready.nodeName} as ALIVE, within ${ready.timeout} s`,
    "  environment",
    ...Object.entries(start.env).map(([name, value]) => `    ${name}=${value}`),
  ];
}
