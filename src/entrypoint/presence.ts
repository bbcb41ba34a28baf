import { formatAddress } from "../common/address.ts";
import type { Clock } from "../common/deadline.ts";
import { RENEW_EVERY_S } from "../common/lease-protocol.ts";
import type { NodeStatus } from "../common/node-status.ts";
import type { Config } from "./config.ts";
import type { ReportFact } from "./facts.ts";
import type { HealthClient } from "./health-client.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import type { Role } from "./plan.ts";
import type { NodeState } from "./state.ts";

export interface PresenceSettings {
  readonly clock: Clock;
  readonly config: Config;
  readonly client: Pick<HealthClient, "report">;
  readonly life: string;
  /** Hears that an older living process has this node's name. */
  readonly onDuplicate: (message: string) => void;
  /** The lease keeper, which remembers the highest epoch that the service ever named. */
  readonly epochs: Pick<LeaseKeeper, "seen" | "hear">;
  /** What else is reported. */
  readonly status: () => NodeStatus | undefined;
  /** Hears, once each time, that a younger process of this node's name was turned away. */
  readonly onNamesake: () => void;
}

/** What is decided sooner needs no report that it is undecided, and is not held up by one. */
const UNDECIDED_MS = 200;

/** Tells the health service what this node is and in which state, so that `GET /v1/cluster` shows it. */
export class Presence {
  readonly #settings: PresenceSettings;
  readonly #over = new AbortController();
  #state: NodeState = "deciding";
  #role: Role | null = null;
  #namesake = false;
  /** Resolves when the last report was answered, or was not. */
  told: Promise<void> = Promise.resolve();

  constructor(settings: PresenceSettings) {
    this.#settings = settings;
  }

  /** Reports every two seconds until `end`. A service that is down, or knows no nodes, is nobody's trouble here. */
  async keep(): Promise<void> {
    if (!(await this.#settings.clock.pause(UNDECIDED_MS, this.#over.signal))) return;
    do {
      await this.#tell();
    } while (await this.#settings.clock.pause(RENEW_EVERY_S * 1000, this.#over.signal));
  }

  /** The next report, which comes at once, says this. */
  enter(state: NodeState, role: Role | null): void {
    this.#state = state;
    this.#role = role;
    void this.#tell();
  }

  end(): void {
    this.#over.abort();
  }

  #tell(): Promise<void> {
    this.told = this.#report();
    return this.told;
  }

  async #report(): Promise<void> {
    const { client, config, life, epochs, status } = this.#settings;
    const { values } = config;
    const head = this.#role?.role === "head" ? config.ownAddress : this.#role?.head;
    const answer = await client.report(
      config.node,
      {
        life,
        role: this.#role?.role ?? null,
        state: this.#state,
        head: head === undefined ? null : formatAddress(head),
        advertise: values.NODE_IP_ADDRESS,
        nodeManagerPort: values.NODE_MANAGER_PORT,
        ...(epochs.seen === null ? {} : { seen: epochs.seen }),
        ports: [values.OBJECT_MANAGER_PORT, values.MIN_WORKER_PORT].filter((port) => port !== null),
        status: status(),
      },
      values.HEALTH_TIMEOUT,
    );
    this.#hear(answer);
  }

  #hear(answer: ReportFact): void {
    const { epochs, onDuplicate, onNamesake } = this.#settings;
    if (answer.kind === "duplicate-name" && !this.#over.signal.aborted) onDuplicate(answer.message);
    if (answer.kind !== "noted") return;
    epochs.hear(answer.epoch);
    if (answer.namesake && !this.#namesake) onNamesake();
    this.#namesake = answer.namesake;
  }
}
