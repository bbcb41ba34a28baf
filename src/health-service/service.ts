import { sameHost } from "../common/address.ts";
import type { DialBackRequest } from "../common/protocol/join-protocol.ts";
import type * as wire from "../common/protocol/lease-protocol.ts";
import type { ReachRequest } from "../common/protocol/reach-protocol.ts";
import type { Cluster, Remover } from "./cluster/cluster.ts";
import type { Config } from "./config.ts";
import { LeaseStore, type LeaseStoreSettings } from "./lease/lease-store.ts";
import { createWhitelistCheck } from "./lease/whitelist.ts";
import { createDialBack, createReach } from "./reach.ts";
import { Registry } from "./registry.ts";

export interface ServiceSettings extends Omit<LeaseStoreSettings, "ttlMs" | "isDuplicate"> {
  readonly version: string;
  readonly config: Config;
  /** Who belongs to the cluster; not given where whoever reaches this service takes part. */
  readonly cluster?: Cluster | undefined;
}

const NODES_LIVE_TTLS = 3;

/** The health service without its HTTP. */
export class Service {
  readonly settings: ServiceSettings;
  readonly lease: LeaseStore;
  readonly registry: Registry;
  /** HTTP answers by status. */
  readonly answers = new Map<number, number>();
  readonly #startedAtMs: number;
  readonly #whyNot: ReturnType<typeof createWhitelistCheck>;
  readonly #dial: ReturnType<typeof createReach>;
  readonly #dialMember: ReturnType<typeof createDialBack>;

  constructor(settings: ServiceSettings) {
    const { config, cluster, now } = settings;
    const { RAY_EP_LEASE_TTL: ttlMs, HEAD_WHITELIST: whitelist, RAY_EP_HEALTH_TOKEN: token } = config;
    this.settings = settings;
    this.#startedAtMs = now();
    const leads = (name: string, life: string) => this.lease.isLastHolder(name, life);
    const registry = new Registry(NODES_LIVE_TTLS * ttlMs, leads, now);
    this.registry = registry;
    const isDuplicate = (name: string, life: string) => registry.isDuplicate(name, life);
    this.lease = new LeaseStore({ ...settings, ttlMs, isDuplicate });
    this.#whyNot = createWhitelistCheck(() => cluster?.candidates() ?? whitelist);
    this.#dialMember = createDialBack(now);
    this.#dial = createReach((...who) => registry.find(...who), token !== null || cluster !== undefined, now);
  }

  /** Asks for the lease or renews it, for a request that came from `peer`. */
  async ask(request: wire.LeaseRequest, peer: string) {
    const reason = await this.#whyNot(request, peer);
    return reason === null ? this.lease.ask(request) : this.lease.refuse(request, reason);
  }

  /** Takes what a node says of itself. */
  async report(name: string, report: wire.NodeReport, peer: string) {
    const refused = this.registry.note(name, report, peer);
    if (refused !== "noted") return refused;
    this.settings.cluster?.callers.ran(name);
    // Whoever may write is believed, workers too: they are no candidates, and remember for a service that forgot.
    if (report.seen !== undefined) await this.lease.seeEpoch(report.seen);
    const { instance, epoch } = this.lease.view();
    const noted = { instance, epoch, namesake: this.registry.isDuplicate(name) };
    const { cluster } = this.settings;
    if (report.advertise !== null) await cluster?.locate(name, report.advertise);
    return cluster === undefined ? noted : { ...noted, news: this.#newsFor(name, report, cluster) };
  }

  /** Of another token of Ray's a HEAD hears first: it would refuse a node that has the new one before it. */
  #newsFor(name: string, { rayTokenId: own }: wire.NodeReport, cluster: Cluster): wire.ClusterNews {
    const { rayTokenId, ...news } = cluster.news();
    const isFirst = (head: ReturnType<Registry["list"]>[number]) =>
      head.role !== "head" ||
      head.state === "stopped" ||
      head.rayTokenId === rayTokenId ||
      sameHost(head.name, name);
    return own === rayTokenId || this.registry.list().every(isFirst) ? { ...news, rayTokenId } : news;
  }

  /** Ends a membership, and the lease that it may have, at once. */
  async remove(cluster: Cluster, name: string, by: Remover): ReturnType<Cluster["remove"]> {
    const removed = await cluster.remove(name, by, by === "itself" && cluster.callers.neverRan(name));
    if (removed) {
      await this.lease.end(name);
      this.registry.forget(name);
    }
    return removed;
  }

  /** Dials a node back. */
  async reach(request: ReachRequest, peer: string) {
    const answer = await this.#dial(request, peer);
    this.settings.log({ type: "reach", node: request.node, answer });
    return answer;
  }

  /** Dials several ports of a member, whose address is the one under which it joined. */
  async dialBack(request: DialBackRequest, member: { readonly name: string; readonly address: string }) {
    const dialled = await this.#dialMember(request, member);
    for (const answer of dialled.answers) this.settings.log({ type: "reach", node: member.name, answer });
    return dialled;
  }

  /** Without the nodes, so that its length does not depend on the number of reports. */
  view(): wire.ClusterView {
    const { version, now } = this.settings;
    const uptime = (now() - this.#startedAtMs) / 1000;
    return { service: "ray-entrypoint-health", version, uptime, ...this.lease.view(), nodes: [] };
  }
}
