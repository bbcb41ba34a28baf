import { formatAddress } from "../../common/address.ts";
import { RENEW_EVERY_S } from "../../common/protocol/lease-protocol.ts";
import type { Config } from "../config/config.ts";
import type { Deps } from "../deps.ts";
import type { ReportFact } from "../election/facts.ts";
import type { Role } from "../election/role.ts";
import type { NodeState } from "../state.ts";
import type { Lease } from "./lease.ts";

export interface HeartbeatSettings {
  readonly config: Config;
  readonly runId: string;
  /** Remembers the highest epoch that the service ever named. */
  readonly lease: Pick<Lease, "highestEpochSeen" | "see">;
  /** Called when an older living process has this node's name. */
  readonly onDuplicate: (message: string) => void;
}

/** Between two reports that only bring news. */
const NEWS_REST_MS = 1000;
/** What is decided sooner needs no report that it is undecided, and is not held up by one. */
const UNDECIDED_MS = 200;
const LAST_MS = 500;

/** Tells the health service what this node is and in which state, so that `GET /v1/cluster` shows it. */
export class Heartbeat {
  readonly #settings: HeartbeatSettings;
  readonly #deps: Pick<Deps, "clock" | "health" | "log">;
  readonly #over = new AbortController();
  /** Something changed since the last report was made. */
  #isNews = false;
  #wake = new AbortController();
  #state: NodeState = "deciding";
  #role: Role | null = null;
  #duplicateRefused = false;
  /** Reports that are neither answered nor given up, and whether the last one was answered. */
  #underWay = 0;
  #isAnswered = true;
  /** Resolves when the last report was answered, or was not. */
  reported: Promise<void> = Promise.resolve();

  constructor(settings: HeartbeatSettings, deps: Pick<Deps, "clock" | "health" | "log">) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** Reports every two seconds, or one second after the last report where there is news, until `end`. A service that is down, or knows no nodes, is nobody's trouble here. */
  async keep(): Promise<void> {
    const { clock } = this.#deps;
    if (!(await clock.pause(UNDECIDED_MS, this.#over.signal))) return;
    do {
      await this.#report();
    } while (await this.#rest());
  }

  /** There is something to tell: a line of the log, or what it says of itself. */
  news(): void {
    this.#isNews = true;
    this.#wake.abort();
  }

  async #rest(): Promise<boolean> {
    const { clock } = this.#deps;
    if (!(await clock.pause(NEWS_REST_MS, this.#over.signal))) return false;
    this.#wake = new AbortController();
    if (!this.#isNews) await clock.pause(RENEW_EVERY_S * 1000 - NEWS_REST_MS, this.#wake.signal);
    return !this.#over.signal.aborted;
  }

  /** The next report, which comes at once, says this. */
  enter(state: NodeState, role: Role | null): void {
    this.#state = state;
    this.#role = role;
    void this.#report();
  }

  end(): void {
    this.#over.abort();
    this.#wake.abort();
  }

  /** The last report, after `enter` with how this node ended. Nobody waits for a service that does not answer the ones before. */
  async last(): Promise<void> {
    if (this.#isAnswered && this.#underWay <= 1)
      await Promise.race([this.#report(), this.#deps.clock.pause(LAST_MS)]);
  }

  #report(): Promise<void> {
    this.reported = this.#send().then((answer) => this.#hear(answer));
    return this.reported;
  }

  #send(): Promise<ReportFact> {
    this.#isNews = false;
    this.#underWay += 1;
    const { config, runId, lease } = this.#settings;
    const { values } = config;
    const head = this.#role?.role === "head" ? config.ownAddress : this.#role?.head;
    return this.#deps.health.report(
      config.node,
      {
        life: runId,
        role: this.#role?.role ?? null,
        state: this.#state,
        head: head === undefined ? null : formatAddress(head),
        advertise: values.NODE_IP_ADDRESS,
        nodeManagerPort: values.NODE_MANAGER_PORT,
        ...(lease.highestEpochSeen === null ? {} : { seen: lease.highestEpochSeen }),
        ports: [values.OBJECT_MANAGER_PORT, values.MIN_WORKER_PORT].filter((port) => port !== null),
      },
      values.HEALTH_TIMEOUT,
    );
  }

  #hear(answer: ReportFact): void {
    this.#underWay -= 1;
    this.#isAnswered = answer.kind !== "no-answer";
    const { config, lease, onDuplicate } = this.#settings;
    if (answer.kind === "duplicate-name" && !this.#over.signal.aborted) onDuplicate(answer.message);
    if (answer.kind !== "noted") return;
    lease.see(answer.epoch);
    if (answer.hasMore) this.news();
    if (answer.hasDuplicate && !this.#duplicateRefused)
      this.#deps.log({
        type: "warning",
        what: `another living process calls itself ${config.node} too, and was refused`,
        fix: "Give each node its own hostname.",
      });
    this.#duplicateRefused = answer.hasDuplicate;
  }
}
