import { matchingNames } from "../common/address.ts";
import { pause as realPause } from "../common/deadline.ts";
import type {
  ClusterView,
  LeaseGranted,
  LeaseRefused,
  LeaseRequest,
  NodeNoted,
  NodeReport,
} from "../common/protocol/lease-protocol.ts";
import type { ReachAnswer, ReachRequest } from "../common/protocol/reach.ts";
import type { Config } from "./config.ts";
import { LeaseStore, type LeaseStoreSettings } from "./lease/lease-store.ts";
import { createOwnAddressCheck } from "./lease/own-address.ts";
import type { Recalled } from "./lease/state-file.ts";
import { createReach } from "./reach/reach.ts";
import { Registry } from "./registry.ts";

export interface ServiceSettings extends Pick<LeaseStoreSettings, "file" | "now" | "log"> {
  readonly version: string;
  /** Names this run, so that clients see when the service forgot. */
  readonly instance: string;
  readonly config: Pick<Config, "ttlMs" | "whitelist" | "token">;
  readonly recalled: Recalled;
  /** Not given: on the real clock. */
  readonly pause?: LeaseStoreSettings["pause"];
}

const NODES_LIVE_TTLS = 3;
const DIAL_TIMEOUT_MS = 2000;

/** The health service without its HTTP: the head lease, who owns which name, and what each node said of itself. */
export class Service {
  readonly version: string;
  readonly now: () => number;
  readonly lease: LeaseStore;
  readonly registry: Registry;
  /** HTTP answers so far by status. */
  readonly answers = new Map<number, number>();
  readonly #startedAtMs: number;
  readonly #log: ServiceSettings["log"];
  readonly #isOwnAddress: ReturnType<typeof createOwnAddressCheck>;
  readonly #dial: ReturnType<typeof createReach>;

  constructor(settings: ServiceSettings) {
    const { version, instance, config, recalled, file, now, log, pause = realPause } = settings;
    const { ttlMs, whitelist, token } = config;
    this.version = version;
    this.now = now;
    this.#startedAtMs = now();
    this.#log = log;
    this.registry = new Registry({ forgetAfterMs: NODES_LIVE_TTLS * ttlMs, now });
    const names = whitelist?.map(({ name }) => ({ name }));
    // The short and the long form of a name are the same name, as for the nodes themselves.
    const isCandidate = (node: string) => names === undefined || matchingNames(names, node).length === 1;
    const around = { names: this.registry, file, now, log, pause };
    this.lease = new LeaseStore({ instance, lease: { ttlMs, isCandidate }, ...around }, recalled);
    this.#isOwnAddress = createOwnAddressCheck({ whitelist });
    this.#dial = createReach({
      timeoutMs: DIAL_TIMEOUT_MS,
      find: (...who) => this.registry.find(...who),
      trusted: token !== null,
      now,
    });
  }

  /** Asks for the lease or renews it, for a request that came from `peer`. */
  async ask(request: LeaseRequest, peer: string): Promise<LeaseGranted | LeaseRefused> {
    return (await this.#isOwnAddress(request, peer)) ? this.lease.ask(request) : this.lease.turnAway(request);
  }

  /** Takes what a node says of itself, from `peer`. */
  async report(
    name: string,
    report: NodeReport,
    peer: string,
  ): Promise<NodeNoted | "duplicate-name" | "too-many"> {
    const noted = this.registry.note(name, report, peer);
    if (noted !== "noted") return noted;
    // Whoever may write is believed, workers too: they are no candidates, and remember for a service that forgot.
    if (report.seen !== undefined) await this.lease.seeEpoch(report.seen);
    const { instance, epoch } = this.lease.view();
    return { instance, epoch, namesake: this.registry.hasDuplicate(name) };
  }

  /** Dials a node back. Never rejects. */
  async reach(request: ReachRequest, peer: string): Promise<ReachAnswer> {
    const answer = await this.#dial(request, peer);
    this.#log({ type: "reach", node: request.node, answer });
    return answer;
  }

  /** Without the nodes, so that its length does not depend on the number of reports. */
  view(): ClusterView {
    const uptime = (this.now() - this.#startedAtMs) / 1000;
    const { version } = this;
    return { service: "ray-entrypoint-health", version, uptime, ...this.lease.view(), nodes: [] };
  }
}
