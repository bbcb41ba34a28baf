import { RENEW_EVERY_S } from "../../common/protocol/lease-protocol.ts";
import type { ClusterView, NodeReport } from "../../common/protocol/report-protocol.ts";
import type { Happening } from "./happening.ts";

/** A node reports every two seconds: so long without a report it is silent. */
const SILENT_AFTER_MS = 3 * RENEW_EVERY_S * 1000;
/** So long a lost node is shown: who comes back from lunch, and an alert, still see it. */
const LOST_FOR_MS = 3_600_000;
/** As many names as the registry knows. */
const MAX_NODES = 2000;

interface Watched {
  readonly name: string;
  readonly report: NodeReport;
  readonly seenAtMs: number;
  readonly isSilent: boolean;
}

/** What nodes' reports, and their absence, say of what happened to them. Times: milliseconds, monotonic. */
export class NodeWatch {
  readonly #nodes = new Map<string, Watched>();
  readonly #isKnown: (name: string) => boolean;

  /** `isKnown`: no news that a node of this name is there, though this service has not heard it yet. */
  constructor(isKnown: (name: string) => boolean) {
    this.#isKnown = isKnown;
  }

  /** What a report says. `isOwner`: it is of the life that owns the name (registry.ts), and not of one beside it. */
  heard(name: string, report: NodeReport, isOwner: boolean, nowMs: number): readonly Happening[] {
    const key = name.toLowerCase();
    const before = this.#nodes.get(key);
    const now = {
      name,
      report: isOwner ? report : (before?.report ?? report),
      seenAtMs: nowMs,
      isSilent: false,
    };
    // The order is that of the last reports.
    this.#nodes.delete(key);
    this.#nodes.set(key, now);
    const [oldest] = this.#nodes.size > MAX_NODES ? this.#nodes.keys() : [];
    if (oldest !== undefined) this.#nodes.delete(oldest);
    if (before !== undefined) return changesOf(before, now);
    const joined: Happening = { kind: "joined", node: name, address: report.advertise };
    // The first that a service hears after its own start may be a node's last words.
    return [...(this.#isKnown(name) ? [] : [joined]), ...endOf(undefined, now)];
  }

  /** Those that have fallen silent since the last call. A node that said that it ends is not. */
  silent(nowMs: number): readonly Happening[] {
    const late = [...this.#nodes].filter(
      ([, { isSilent, seenAtMs, report }]) =>
        !isSilent && report.state !== "stopped" && nowMs - seenAtMs >= SILENT_AFTER_MS,
    );
    for (const [key, each] of late) this.#nodes.set(key, { ...each, isSilent: true });
    return late.map(([, { name }]) => ({ kind: "silent", node: name }));
  }

  /** Those that are silent, as they last reported. */
  lost(nowMs: number): ClusterView["nodes"] {
    return [...this.#nodes.values()]
      .filter(({ isSilent, seenAtMs }) => isSilent && nowMs - seenAtMs < LOST_FOR_MS)
      .map(({ name, report: { life: _, ...report }, seenAtMs }) => {
        return { name, seenAgo: (nowMs - seenAtMs) / 1000, ...report, silent: true };
      });
  }

  isSilent(name: string): boolean {
    return this.#nodes.get(name.toLowerCase())?.isSilent === true;
  }

  forget(name: string): void {
    this.#nodes.delete(name.toLowerCase());
  }
}

/** What happened to a node between two reports. Pure. */
function changesOf(before: Watched, now: Watched): readonly Happening[] {
  const isOther = now.report.life !== before.report.life;
  return [...returnsOf(before, now, isOther), ...troublesOf(isOther ? undefined : before, now)];
}

function returnsOf(
  before: Watched,
  { name: node, report, seenAtMs }: Watched,
  isOther: boolean,
): Happening[] {
  const silentS = Math.round((seenAtMs - before.seenAtMs) / 100) / 10;
  const { restarts = 0 } = report.status ?? {};
  if (before.isSilent || (isOther && before.report.state === "stopped"))
    return [{ kind: "back", node, silentS }];
  return isOther ? [{ kind: "restarted", node, reason: "new-process", restarts }] : [];
}

/** `before`: of the same life. */
function troublesOf(before: Watched | undefined, now: Watched): Happening[] {
  const { name: node, report } = now;
  const { fault, restarts = 0 } = report.status ?? {};
  const { reason = "unknown", words } = fault ?? {};
  const isMore = restarts > (before?.report.status?.restarts ?? 0);
  const restarted: Happening[] = isMore ? [{ kind: "restarted", node, reason, words, restarts }] : [];
  return [...restarted, ...endOf(before, now)];
}

/** That a node has ended, and how, unless that was known before. */
function endOf(before: Watched | undefined, { name: node, report: { state, status } }: Watched): Happening[] {
  const was = before?.report;
  if (status?.failure) return was?.status?.failure ? [] : [{ kind: "failed", node, ...status.failure }];
  return state === "stopped" && was?.state !== "stopped" ? [{ kind: "stopped", node }] : [];
}
