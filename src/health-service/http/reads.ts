import { monotonicMs, pause } from "../../common/deadline.ts";
import type { Service } from "../service.ts";

/** A text of 1 MiB that is read slowly stays in memory for up to 10 s (server.ts), so at most 40 of them do. */
const MIN_REST_MS = 250;
/** A text that takes 50 ms to make is made at most once in 500 ms. */
const REST_FACTOR = 10;

/**
 * `make` for an expensive text: those who ask while it rests are answered together by the next one, which is no older than their
 * requests, and making it takes at most a tenth of the time.
 */
export function paced(make: () => string): () => Promise<Buffer> {
  let restsUntilMs = 0;
  let next: Promise<Buffer> | null = null;
  const render = async (): Promise<Buffer> => {
    const restMs = restsUntilMs - monotonicMs();
    await (restMs > 0 ? pause(restMs) : null);
    next = null;
    const beganMs = monotonicMs();
    const text = Buffer.from(make());
    restsUntilMs = monotonicMs() + Math.max(MIN_REST_MS, REST_FACTOR * (monotonicMs() - beganMs));
    return text;
  };
  return () => {
    next ??= render();
    return next;
  };
}

/** Readers accept 1 MiB; this leaves room for the lease. */
const MAX_LIST = 1024 * 1024 - 8 * 1024;

/** The body of `GET /v1/cluster`; nodes for which the list has no room are only counted. */
export function clusterText(service: Service): string {
  const all = service.registry.list();
  let left = MAX_LIST;
  const nodes = all.filter((node) => {
    left -= Buffer.byteLength(JSON.stringify(node)) + 1;
    return left >= 0;
  });
  const omitted = all.length - nodes.length;
  return `${JSON.stringify({ ...service.view(), ...(omitted > 0 && { omitted }), nodes })}\n`;
}

type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

/** The numbers for Prometheus, in its text format 0.0.4. */
export function renderMetrics(service: Service): string {
  const { lease, registry, answers } = service;
  const { version, holder, epoch, instance, uptime } = service.view();
  const left = holder?.expiresIn ?? 0;
  const held: Sample[] =
    holder === null ? [] : [[left > 0 ? 1 : 0, { node: holder.node, address: holder.address }]];
  const nodes = Map.groupBy(registry.list(), ({ role }) => role ?? "none");
  const roles = [...nodes].map(([role, { length }]) => [role, length] as const);
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
    metric("nodes", "gauge", "Nodes that reported lately, by role.", by("role", roles)),
  ].join("");
}

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
