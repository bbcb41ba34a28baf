import { isDeepStrictEqual } from "node:util";
import type { DialBackRequest } from "../common/protocol/join-protocol.ts";
import type * as wire from "../common/protocol/lease-protocol.ts";
import type { ReachRequest } from "../common/protocol/reach-protocol.ts";
import type { ClusterView, NodeReport } from "../common/protocol/report-protocol.ts";
import type { Cluster, Remover } from "./cluster/cluster.ts";
import { newsFor } from "./cluster/ray-secrets.ts";
import type { Config } from "./config.ts";
import { History } from "./history/history.ts";
import { NodeLogs } from "./history/node-logs.ts";
import { NodeWatch } from "./history/node-watch.ts";
import { LeaseStore, type LeaseStoreSettings } from "./lease/lease-store.ts";
import { createWhitelistCheck } from "./lease/whitelist.ts";
import { createDialBack, createReach } from "./reach.ts";
import { Registry } from "./registry.ts";
import { Sessions } from "./sessions.ts";

export interface ServiceSettings extends Omit<LeaseStoreSettings, "ttlMs" | "isDuplicate"> {
  readonly version: string;
  readonly config: Config;
  /** Who belongs to the cluster; not given where whoever reaches this service takes part. */
  readonly cluster?: Cluster | undefined;
  /** It hears of what is logged by itself; not given: one in memory. */
  readonly history?: History;
}

const NODES_LIVE_TTLS = 3;

/** The health service without its HTTP. */
export class Service {
  readonly settings: ServiceSettings;
  readonly lease: LeaseStore;
  readonly registry: Registry;
  readonly sessions: Sessions;
  readonly history: History;
  readonly logs = new NodeLogs();
  /** HTTP answers by status. */
  readonly answers = new Map<number, number>();
  readonly #startedAtMs: number;
  readonly #watch: NodeWatch;
  readonly #listeners = new Set<() => void>();
  /** What listeners were told of last. */
  #lease = "";
  #names = 0;
  /** Since when no HEAD serves under a lease; null: one does. */
  #headlessSinceMs: number | null;
  readonly #whyNot: ReturnType<typeof createWhitelistCheck>;
  readonly #dial: ReturnType<typeof createReach>;
  readonly #dialMember: ReturnType<typeof createDialBack>;

  constructor(settings: ServiceSettings) {
    const { config, cluster, now } = settings;
    const { RAY_EP_LEASE_TTL: ttlMs, HEAD_WHITELIST: whitelist, RAY_EP_HEALTH_TOKEN: token } = config;
    this.settings = settings;
    this.sessions = new Sessions(now);
    this.#startedAtMs = now();
    this.#headlessSinceMs = now();
    this.history = settings.history ?? new History();
    const known = new Set(
      this.history.after(0).flatMap(({ node, kind }) => (kind === "refused" ? [] : [node.toLowerCase()])),
    );
    this.#watch = new NodeWatch((name) => cluster !== undefined || known.has(name.toLowerCase()));
    this.history.listen(() => this.#changed());
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
    const answer = reason === null ? await this.lease.ask(request) : this.lease.refuse(request, reason);
    this.#lookAtLease();
    return answer;
  }

  /** Gives the lease back. */
  async release(release: wire.LeaseRelease) {
    const answer = await this.lease.release(release);
    this.#lookAtLease();
    return answer;
  }

  /** Takes what a node says of itself. */
  async report(name: string, { log, ...report }: NodeReport, peer: string) {
    const { life } = report;
    const before = this.registry.report(name);
    const refused = this.registry.note(name, report, peer);
    if (refused === "duplicate-name")
      this.history.note({
        kind: "refused",
        what: "name",
        node: name,
        reason: refused,
        message: duplicateName(name),
      });
    if (refused !== "noted") return refused;
    this.logs.take(name, { life, log });
    const isOwner = this.registry.isOwner(name, life);
    for (const each of this.#watch.heard(name, report, isOwner, this.settings.now())) this.history.note(each);
    if (!isDeepStrictEqual(before, this.registry.report(name))) this.#changed();
    this.settings.cluster?.callers.ran(name);
    // Whoever may write is believed, workers too: they are no candidates, and remember for a service that forgot.
    if (report.seen !== undefined) await this.lease.seeEpoch(report.seen);
    const { instance, epoch } = this.lease.view();
    const noted = { instance, epoch, namesake: this.registry.isDuplicate(name) };
    const { cluster } = this.settings;
    if (report.advertise !== null) await cluster?.locate(name, report.advertise);
    if (cluster === undefined) return noted;
    const who = { name, own: report.rayTokenId };
    return { ...noted, news: newsFor(who, cluster.news(), () => this.registry.list()) };
  }

  /** Ends a membership, and the lease that it may have, at once. */
  async remove(cluster: Cluster, name: string, by: Remover): ReturnType<Cluster["remove"]> {
    const removed = await cluster.remove(name, by, by === "itself" && cluster.callers.neverRan(name));
    if (removed) {
      await this.lease.end(name);
      for (const each of [this.registry, this.#watch, this.logs]) each.forget(name);
      this.#lookAtLease();
    }
    return removed;
  }

  /** Dials a node back. */
  async reach(request: ReachRequest, peer: string) {
    const answer = await this.#dial(request, peer);
    this.settings.log({ type: "reach", node: request.node, answer });
    return answer;
  }

  /** Dials several ports of a member. */
  async dialBack(request: DialBackRequest, member: { readonly name: string; readonly address: string }) {
    const dialled = await this.#dialMember(request, member);
    for (const answer of dialled.answers) this.settings.log({ type: "reach", node: member.name, answer });
    return dialled;
  }

  /** Looks for what happens without a request: nodes that fall silent or are forgotten, a lease that ends. To be called every second. */
  look(): void {
    const { size } = this.registry;
    if (size !== this.#names) this.#changed();
    this.#names = size;
    for (const each of this.#watch.silent(this.settings.now())) this.history.note(each);
    this.#lookAtLease();
  }

  /** The nodes that reported lately, and those that were lost. */
  nodes(): ClusterView["nodes"] {
    const living = this.registry.list().filter(({ name }) => !this.#watch.isSilent(name));
    return [...living, ...this.#watch.lost(this.settings.now())];
  }

  /** Seconds without a HEAD that serves under a lease; 0 while there is one. */
  get headlessS(): number {
    return this.#headlessSinceMs === null ? 0 : (this.settings.now() - this.#headlessSinceMs) / 1000;
  }

  /** Called with each change of what `view` and `nodes` say, but of times that go on by themselves. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #lookAtLease(): void {
    const { holder, epoch } = this.lease.view();
    const { expiresIn = 0, endedFor: _, ...rest } = holder ?? {};
    const serves = expiresIn > 0 && holder?.clusterId !== null;
    if (serves) this.#headlessSinceMs = null;
    else this.#headlessSinceMs ??= this.settings.now();
    const lease = JSON.stringify([epoch, expiresIn > 0, rest]);
    if (lease !== this.#lease) this.#changed();
    this.#lease = lease;
  }

  /** Without the nodes, so that its length does not depend on the number of reports. */
  view(): ClusterView {
    const { version, now } = this.settings;
    const uptime = (now() - this.#startedAtMs) / 1000;
    return { service: "ray-entrypoint-health", version, uptime, ...this.lease.view(), nodes: [] };
  }
}

/** For the second of two nodes. */
export const duplicateName = (name: string): string =>
  `two living nodes are named ${name}; give each node its own hostname`;
