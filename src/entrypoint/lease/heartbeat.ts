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

/** What is decided sooner needs no report that it is undecided, and is not held up by one. */
const UNDECIDED_MS = 200;

/** Tells the health service what this node is and in which state, so that `GET /v1/cluster` shows it. */
export class Heartbeat {
  readonly #settings: HeartbeatSettings;
  readonly #deps: Pick<Deps, "clock" | "health" | "log">;
  readonly #over = new AbortController();
  #state: NodeState = "deciding";
  #role: Role | null = null;
  #duplicateRefused = false;
  /** Resolves when the last report was answered, or was not. */
  reported: Promise<void> = Promise.resolve();

  constructor(settings: HeartbeatSettings, deps: Pick<Deps, "clock" | "health" | "log">) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** Reports every two seconds until `end`. A service that is down, or knows no nodes, is nobody's trouble here. */
  async keep(): Promise<void> {
    const { clock } = this.#deps;
    if (!(await clock.pause(UNDECIDED_MS, this.#over.signal))) return;
    do {
      await this.#report();
    } while (await clock.pause(RENEW_EVERY_S * 1000, this.#over.signal));
  }

  /** The next report, which comes at once, says this. */
  enter(state: NodeState, role: Role | null): void {
    this.#state = state;
    this.#role = role;
    void this.#report();
  }

  end(): void {
    this.#over.abort();
  }

  #report(): Promise<void> {
    this.reported = this.#send().then((answer) => this.#hear(answer));
    return this.reported;
  }

  #send(): Promise<ReportFact> {
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
    const { config, lease, onDuplicate } = this.#settings;
    if (answer.kind === "duplicate-name" && !this.#over.signal.aborted) onDuplicate(answer.message);
    if (answer.kind !== "noted") return;
    lease.see(answer.epoch);
    if (answer.hasDuplicate && !this.#duplicateRefused)
      this.#deps.log({
        type: "warning",
        what: `another living process calls itself ${config.node} too, and was refused`,
        fix: "Give each node its own hostname.",
      });
    this.#duplicateRefused = answer.hasDuplicate;
  }
}
