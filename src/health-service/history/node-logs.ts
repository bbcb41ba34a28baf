import type { NodeLines } from "../../common/protocol/events-protocol.ts";
import { MAX_LOG_LINES, type NodeReport } from "../../common/protocol/report-protocol.ts";

/** Lines of more nodes would take more than 50 MB. */
const MAX_NODES = 1000;

interface Kept {
  readonly lines: readonly string[];
  /** How many lines this node has sent to this service. */
  readonly total: number;
  readonly life: string;
  /** The number of the first line that came, in that life. */
  readonly first: number;
  /** The number of the next line in that life. */
  readonly next: number;
}

const NOTHING: Kept = { lines: [], total: 0, life: "", first: 0, next: 0 };

/** The last lines of each node's log, also of a node that is gone; those of the node that is silent for the longest go first. */
export class NodeLogs {
  readonly #nodes = new Map<string, Kept>();

  take(name: string, { life, log }: Pick<NodeReport, "life" | "log">): void {
    if (log === undefined) return;
    const key = name.toLowerCase();
    const before = this.#nodes.get(key) ?? NOTHING;
    const isSame = before.life === life;
    // A node that sends its log anew has lines from before those that are here.
    const isAnew = isSame && log.first < before.first;
    const lines = isAnew ? [] : before.lines;
    const fresh = log.lines.slice(isSame && !isAnew ? Math.max(0, before.next - log.first) : 0);
    const first = isSame && !isAnew ? before.first : log.first;
    this.#nodes.delete(key);
    this.#nodes.set(key, {
      lines: [...lines, ...fresh].slice(-MAX_LOG_LINES),
      ...{ total: before.total + fresh.length, life, first, next: log.first + log.lines.length },
    });
    const [oldest] = this.#nodes.size > MAX_NODES ? this.#nodes.keys() : [];
    if (oldest !== undefined) this.#nodes.delete(oldest);
  }

  /** Undefined where nothing is known of such a node. */
  of(node: string): NodeLines | undefined {
    const kept = this.#nodes.get(node.toLowerCase());
    return kept && { node, first: kept.total - kept.lines.length, lines: [...kept.lines] };
  }

  forget(name: string): void {
    this.#nodes.delete(name.toLowerCase());
  }
}
