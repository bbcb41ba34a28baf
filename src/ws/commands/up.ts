import { formatAddress } from "../../common/address.ts";
import { renderProblems } from "../../common/render-failure.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import { open } from "../runtimes/choose.ts";
import type { HeadReport, UpReport } from "../runtimes/runtime.ts";
import { fail } from "./fail.ts";
import { withJob } from "./job.ts";

export interface UpOptions extends GlobalOptions {
  readonly timeoutMs: number;
  /** Build the images anew. */
  readonly build: boolean;
}

/** `ws up`: starts the cluster, or what is missing of it, and returns when every node is ALIVE. */
export async function up(context: WsContext, options: UpOptions): Promise<number> {
  const opened = await open(context, options);
  if (!opened.ok) return fail(context, opened.error);
  const { runtime, why } = opened.value;
  context.terminal.err(`→ Runtime: ${runtime.name} (${why})\n`);
  const report = await withJob(context, options.timeoutMs, (job) =>
    runtime.up(job, { build: options.build }),
  );
  if (!report.ok) return fail(context, report.error);
  const { warnings } = report.value;
  if (warnings.length > 0)
    context.terminal.err(`${renderProblems("This machine asks for attention", warnings).join("\n")}\n`);
  context.terminal.out(`${renderUp(report.value).join("\n")}\n`);
  return EXIT.ok;
}

function renderUp({ started, cluster }: UpReport): string[] {
  const nodes = cluster.services.filter(({ role }) => role === "head" || role === "worker");
  const cpus = nodes.reduce((total, { cpus: each = 0 }) => total + each, 0);
  const names = nodes.map(({ name, role }) => `${name} (${role.toUpperCase()})`).join(", ");
  const what = `${nodes.length} nodes ALIVE, ${cpus} CPUs: ${names}`;
  const first =
    started.length === 0
      ? `✓ The cluster is up already, nothing was changed. ${what}`
      : `✓ The cluster is up. ${what}`;
  return [first, ...(cluster.head === undefined ? [] : renderHead(cluster.head))];
}

function renderHead({ dashboardUrl, clientUrl, address, version }: HeadReport): string[] {
  return [
    `  Dashboard    ${dashboardUrl}`,
    `  Ray Client   ${clientUrl}   (Ray ${version})`,
    `  Address      ${formatAddress(address)}`,
    "→ Next: ./ws ps · ./ws logs -f · ./ws test --up · ./ws down",
  ];
}
