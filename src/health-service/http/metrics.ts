import type { Service } from "../service.ts";

type Labels = Readonly<Record<string, string | number>>;
/** A value, and the labels that tell it from others of the same metric. */
type Sample = readonly [value: number, labels?: Labels];

/** The numbers for Prometheus, in its text format 0.0.4. */
export function renderMetrics(service: Service): string {
  const { lease, registry, answers } = service;
  const { version, holder, epoch, instance, uptime } = service.view();
  const left = holder?.expiresIn ?? 0;
  const held = holder && { node: holder.node, address: holder.address };
  const roles = new Map<string, number>();
  for (const { role } of registry.list()) roles.set(role ?? "none", (roles.get(role ?? "none") ?? 0) + 1);
  return [
    gauge("health_info", "This service.", [1, { version, instance }]),
    gauge("health_uptime_seconds", "Seconds since this service started.", [uptime]),
    gauge("health_memory_bytes", "Resident memory.", [process.memoryUsage.rss()]),
    metric("health_answers_total", "counter", "HTTP answers by status.", by("status", answers)),
    gauge("lease_epoch", "The highest epoch known.", [epoch]),
    gauge("lease_seconds_left", "Seconds until the head lease ends; 0 without one.", [left]),
    metric(
      "lease_holder",
      "gauge",
      "The holder: 1 while its lease runs, 0 after it ended.",
      held === null ? [] : [[left > 0 ? 1 : 0, held]],
    ),
    metric("lease_decisions_total", "counter", "Decisions on the head lease.", by("decision", lease.tally)),
    gauge("lease_storage_ok", "0 while the state cannot be kept on disk.", [lease.stored ? 1 : 0]),
    metric("nodes", "gauge", "Nodes that reported lately, by role.", by("role", roles)),
  ].join("");
}

const by = (label: string, counts: ReadonlyMap<string | number, number>): Sample[] =>
  [...counts].map(([key, count]) => [count, { [label]: key }]);

const gauge = (name: string, help: string, sample: Sample): string => metric(name, "gauge", help, [sample]);

function metric(name: string, type: "gauge" | "counter", help: string, samples: readonly Sample[]): string {
  const full = `ray_ep_${name}`;
  const lines = samples.map(([value, labels]) => `${full}${renderLabels(labels)} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}

function renderLabels(labels: Labels | undefined): string {
  if (labels === undefined) return "";
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(String(value))}"`);
  return `{${pairs.join(",")}}`;
}

/** Node names come from the network: what they hold must not end a label or a line. */
const escapeLabel = (value: string): string =>
  value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
