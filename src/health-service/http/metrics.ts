import type { Service } from "../service.ts";

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The numbers for Prometheus, in its text format 0.0.4. */
export function renderMetrics(service: Omit<Service, "texts">): string {
  const { holder, epoch, instance } = service.lease.view();
  const nodes = service.nodes.list();
  const roles = new Map<string, number>();
  for (const { role } of nodes) roles.set(role ?? "none", (roles.get(role ?? "none") ?? 0) + 1);
  return [
    metric("health_info", "gauge", "This service.", [
      { labels: { version: service.version, instance }, value: 1 },
    ]),
    metric("health_uptime_seconds", "gauge", "Seconds since this service started.", [
      { value: (service.now() - service.startedAtMs) / 1000 },
    ]),
    metric("health_memory_bytes", "gauge", "Resident memory.", [{ value: process.memoryUsage.rss() }]),
    metric("health_answers_total", "counter", "HTTP answers by status.", by("status", service.answers)),
    metric("lease_epoch", "gauge", "The highest epoch known.", [{ value: epoch }]),
    metric("lease_seconds_left", "gauge", "Seconds until the head lease ends; 0 without one.", [
      { value: holder?.expiresIn ?? 0 },
    ]),
    metric(
      "lease_holder",
      "gauge",
      "The holder: 1 while its lease runs, 0 after it ended.",
      holder === null
        ? []
        : [{ labels: { node: holder.node, address: holder.address }, value: holder.expiresIn > 0 ? 1 : 0 }],
    ),
    metric(
      "lease_decisions_total",
      "counter",
      "Decisions on the head lease.",
      by("decision", service.lease.tally),
    ),
    metric("lease_storage_ok", "gauge", "0 while the state cannot be kept on disk.", [
      { value: service.lease.stored ? 1 : 0 },
    ]),
    metric("nodes", "gauge", "Nodes that reported lately, by role.", by("role", roles)),
  ].join("");
}

function by(label: string, counts: ReadonlyMap<string | number, number>): Sample[] {
  return [...counts].map(([key, value]) => ({ labels: { [label]: String(key) }, value }));
}

function metric(name: string, type: "gauge" | "counter", help: string, samples: readonly Sample[]): string {
  const full = `ray_ep_${name}`;
  const lines = samples.map(({ labels, value }) => `${full}${renderLabels(labels)} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}

function renderLabels(labels: Sample["labels"]): string {
  if (labels === undefined) return "";
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return `{${pairs.join(",")}}`;
}

/** Node names come from the network: what they hold must not end a label or a line. */
const escapeLabel = (value: string): string =>
  value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
