import { cut, visible } from "../../common/output/shown.ts";
import { MAX_LOG_LINE, MAX_LOG_LINES, type NodeReport } from "../../common/protocol/report-protocol.ts";
import { type Event, render } from "../output/event.ts";

type Log = NonNullable<NodeReport["log"]>;

/** Bytes of JSON in one report, which an earlier health service takes too; what is left comes with the next one. */
const MAX_BYTES = 4 * 1024;

/** The last lines of this program's own log for the health service: not what Ray and pip say, which may hold anything. */
export class LogTail {
  #lines: readonly string[] = [];
  /** Not rendered yet: a node's start has no time for it. */
  #events: readonly Event[] = [];
  /** Of the next line, and of the first one that the service does not have. */
  #next = 0;
  #wanted = 0;
  #instance: string | undefined;

  hear(event: Event): void {
    if (event.type !== "said") this.#events = [...this.#events, event].slice(-MAX_LOG_LINES);
  }

  /** What the service does not have yet, as much as fits; undefined: it has all. */
  take(): Log | undefined {
    this.#render();
    const oldest = this.#next - this.#lines.length;
    const first = Math.max(this.#wanted, oldest);
    let left = MAX_BYTES;
    const lines = this.#lines.slice(first - oldest).filter((line) => {
      left -= Buffer.byteLength(JSON.stringify(line)) + 1;
      return left >= 0;
    });
    return lines.length === 0 ? undefined : { first, lines };
  }

  /** The service has noted a report with that; one that is another than before gets all again. True where there is more to send. */
  taken(log: Log | undefined, instance: string): boolean {
    const isOther = this.#instance !== undefined && this.#instance !== instance;
    this.#instance = instance;
    const end = log === undefined ? 0 : log.first + log.lines.length;
    this.#wanted = isOther ? 0 : Math.max(this.#wanted, end);
    return this.#wanted < this.#next;
  }

  #render(): void {
    const lines = this.#events.flatMap(render).map((line) => cut(visible(line), MAX_LOG_LINE));
    this.#events = [];
    this.#next += lines.length;
    this.#lines = [...this.#lines, ...lines].slice(-MAX_LOG_LINES);
  }
}
