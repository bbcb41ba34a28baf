import type { ClusterEvent } from "../../common/protocol/events-protocol.ts";
import type { ClusterView } from "../../common/protocol/report-protocol.ts";
import type { Service } from "../service.ts";

type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

/** The numbers for Prometheus, in its text format 0.0.4. */
export function renderMetrics(service: Service): string {
  const { lease, answers, history, headlessS } = service;
  const nodes = service.nodes();
  const { version, holder, epoch, instance, uptime } = service.view();
  const left = holder?.expiresIn ?? 0;
  const held: Sample[] =
    holder === null ? [] : [[left > 0 ? 1 : 0, { node: holder.node, address: holder.address }]];
  const counted = (kind: ClusterEvent["kind"]) => history.tally.get(kind) ?? [];
  const led = new Map(counted("led"));
  return [
    metric("health_info", "gauge", "This service.", [[1, { version, instance }]]),
    metric("health_uptime_seconds", "gauge", "Seconds since this service started.", [[uptime]]),
    metric("health_memory_bytes", "gauge", "Resident memory.", [[process.memoryUsage.rss()]]),
    metric("health_answers_total", "counter", "HTTP answers by status.", by("status", answers)),
    metric("lease_epoch", "gauge", "The highest epoch known.", [[epoch]]),
    metric("lease_seconds_left", "gauge", "Seconds until the head lease ends; 0 without one.", [[left]]),
    metric("lease_holder", "gauge", "The holder: 1 while its lease runs, 0 after it ended.", held),
    metric("lease_decisions_total", "counter", "Decisions on the head lease.", by("decision", lease.tally)),
    metric("lease_storage_ok", "gauge", "0 while the state cannot be kept on disk.", [[+lease.stored]]),
    metric(
      "nodes",
      "gauge",
      "Nodes that reported lately, by role.",
      by(
        "role",
        countOf(nodes, ({ role }) => role ?? "none"),
      ),
    ),
    metric(
      "nodes_by_state",
      "gauge",
      "Nodes by state; those that fell silent within the last hour as such.",
      by(
        "state",
        countOf(nodes, ({ silent, state }) => (silent ? "silent" : state)),
      ),
    ),
    metric("head_present", "gauge", "1 while a HEAD serves under a head lease.", [[headlessS === 0 ? 1 : 0]]),
    metric("headless_seconds", "gauge", "Seconds without such a HEAD; 0 while there is one.", [[headlessS]]),
    metric("takeovers_total", "counter", "How often the lead went from one node to the next.", [
      [led.get("takeover") ?? 0],
    ]),
    metric(
      "lease_renewals_late_total",
      "counter",
      "Renewals of the head lease that came more than 5 s after the one before.",
      [[lease.tally.get("renewal-late") ?? 0]],
    ),
    metric(
      "node_restarts_total",
      "counter",
      "Restarts of nodes, by what caused them.",
      by("reason", counted("restarted")),
    ),
    metric(
      "refusals_total",
      "counter",
      "Refused joins, leases and names, by the reason.",
      by("reason", counted("refused")),
    ),
  ].join("");
}

const countOf = (nodes: ClusterView["nodes"], key: (node: ClusterView["nodes"][number]) => string) =>
  [...Map.groupBy(nodes, key)].map(([label, { length }]) => [label, length] as const);

const by = (label: string, counts: Iterable<readonly [string | number, number]>): Sample[] =>
  [...counts].map(([key, count]) => [count, { [label]: String(key) }]);

function metric(name: string, type: "gauge" | "counter", help: string, samples: readonly Sample[]): string {
  const full = `ray_ep_${name}`;
  const lines = samples.map(([value, labels = {}]) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
    return `${full}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}\n`;
  });
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}

/** Node names come from the network: what they hold must not end a label or a line. */
const escapeLabel = (value: string): string =>
  value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
