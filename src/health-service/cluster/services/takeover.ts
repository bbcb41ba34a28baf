import { sameHost } from "../../../common/address.ts";
import { monotonicMs, pause } from "../../../common/deadline.ts";
import type { Promoted, Standing } from "../../../common/protocol/admin-protocol.ts";
import type { Event } from "../../event.ts";
import type { LeaseStore } from "../../lease/lease-store.ts";
import { addService, type ClusterState, lead, settle } from "../cluster-state.ts";
import { Peers, type PeersSettings } from "./peers.ts";
import { isCredibleOf, outranks } from "./rank.ts";
import * as replicas from "./replica.ts";

/*
 * Several services of one cluster: one decides, the others copy all that it keeps, every two seconds. What always holds:
 *
 * 1. At most one service decides that others can hear. One that hears of a higher rank (term, then leader: rank.ts) decides no more
 *    from that moment on. Services and members prove the highest rank that they have heard of with all that they ask (rank.ts).
 * 2. A service's term only grows. It takes over only when somebody says so, under a term above all that it has heard of.
 * 3. A state of a lower term never replaces one of a higher term, and no service rules by it beside that one. A machine that was
 *    removed has no say: the service that decides goes above its term.
 * 4. That a service takes over is on its disk before another one gives way to it and before anybody is told.
 */

export interface TakeoverSettings extends PeersSettings {
  readonly lease: Pick<LeaseStore, "memory" | "restore" | "settled">;
  /** This service decides from now on. */
  readonly onPromoted: () => void;
  readonly log: (event: Event) => void;
}

const EVERY_MS = 2000;

export class Takeover {
  readonly #settings: TakeoverSettings;
  readonly #peers: Peers;
  #copiedAtMs: number | undefined;
  /** One thing after the other: no copy comes in while this service takes over. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(settings: TakeoverSettings) {
    this.#settings = settings;
    this.#peers = new Peers(settings);
  }

  /** Looks every two seconds, until `signal` aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    while (await pause(EVERY_MS, signal)) await this.look();
  }

  /** Copies from the service that decides, or looks whether another one does. Never rejects. */
  look(): Promise<void> {
    return this.#inTurn(async () => {
      const { store, advertise, membership } = this.#settings;
      if (!store.state.decides) return void (await this.#copy());
      await this.#change((state) => settle(state, advertise, membership()?.member));
      const other = await this.#peers.leader();
      if (other !== undefined && outranks(other, store.state)) await store.inLine(() => store.heard(other));
    });
  }

  standing(): Standing {
    const { store, advertise } = this.#settings;
    const { decides, term, leader } = store.state;
    const copiedAgo = this.#copiedAtMs === undefined ? null : (monotonicMs() - this.#copiedAtMs) / 1000;
    return { decides, term, leader, service: advertise, copiedAgo };
  }

  /** What this service, which decides, hands out to that of this candidate; null where it does not decide, or cannot write. */
  replica(member: string, { service, rank }: replicas.Asker): Promise<replicas.Replica | null> {
    const { store, lease } = this.#settings;
    return store.inLine(async () => {
      const { decides, term, members } = store.state;
      // It may have been removed since it asked.
      if (!members.some(({ name, candidate }) => candidate && sameHost(name, member))) return null;
      const takesOver = rank.leader === service;
      if (decides && !(await this.#keepNew(addService(store.state, member, service)))) return null;
      if (takesOver ? outranks(rank, store.state) : rank.term > term) await store.heard(rank);
      if (!decides || !(store.state.decides || takesOver)) return null;
      // A grant that is being written now is answered in a moment.
      await lease.settled();
      return { state: store.state, lease: lease.memory() };
    });
  }

  /**
   * This service decides from now on. `complete`: the one before has handed over. A text says which other one decides, and does
   * not: what it keeps would be lost. Null where it cannot be kept.
   */
  promote(): Promise<Promoted | string | null> {
    return this.#inTurn(async () => {
      const { store, lease } = this.#settings;
      if (store.state.decides) return { term: store.state.term, complete: true };
      const isCopied = await this.#copy();
      const other = await this.#peers.leader();
      if (!store.stored) return null;
      if (other !== undefined && !isCopied) return other.service;
      const claim = await store.inLine(async () => {
        await lease.restore(replicas.aheadOf(lease.memory(), false));
        const claimed = this.#lead(store.state, Math.max(store.state.term, other?.term ?? 0) + 1);
        return (await store.claim(claimed)) ? claimed : null;
      });
      return claim && this.#takeOver(claim, await this.#peers.replica(claim));
    });
  }

  /** `handed`: by the service that decided until now. */
  #takeOver(claim: ClusterState, handed: replicas.Replica | undefined): Promise<Promoted | string> {
    const { store, lease, log, onPromoted } = this.#settings;
    const { term } = claim;
    return store.inLine(async () => {
      if (handed !== undefined && outranks(handed.state, claim)) await store.heard(handed.state);
      // Another one took over meanwhile.
      if (outranks(store.state, claim)) return store.state.leader;
      const kept = await store.decide(handed === undefined ? claim : this.#lead(handed.state, term));
      const complete = kept && handed !== undefined;
      if (complete) await lease.restore(replicas.aheadOf(handed.lease, true));
      onPromoted();
      log({ type: "promoted", term, complete });
      return { term, complete };
    });
  }

  #lead(state: ClusterState, term: number): ClusterState {
    const { advertise, membership } = this.#settings;
    return lead(state, advertise, membership()?.member ?? null, term);
  }

  /** True where another service that decides was copied: only such a one answers 200. */
  async #copy(): Promise<boolean> {
    const { store, membership, log } = this.#settings;
    const newest = await this.#peers.replica(store.state);
    if (newest === undefined || !(await this.#take(newest))) {
      const services = store.state.services.map(({ at }) => at);
      log({ type: "no-copy", services, isMember: membership() !== undefined });
      return false;
    }
    if (this.#copiedAtMs === undefined) log({ type: "standby", of: newest.state.services[0]?.at ?? "" });
    this.#copiedAtMs = monotonicMs();
    return true;
  }

  #take({ state, lease }: replicas.Replica): Promise<boolean> {
    const { store } = this.#settings;
    return store.inLine(async () => {
      if (state.term < store.state.term || !isCredibleOf(state, store.state)) return false;
      if (!(await this.#keepNew({ ...state, decides: false }))) return false;
      await this.#settings.lease.restore(lease);
      return true;
    });
  }

  /** Of a service that decides. What cannot be kept is tried again. */
  #change(to: (state: ClusterState) => ClusterState): Promise<unknown> {
    const { store } = this.#settings;
    return store.inLine(async () => store.state.decides && this.#keepNew(to(store.state)));
  }

  /** Only in line. What is on the disk already is not written again. */
  async #keepNew(state: ClusterState): Promise<boolean> {
    const { store } = this.#settings;
    if (state === store.state) return true;
    const isNews = !store.stored || JSON.stringify(state) !== JSON.stringify(store.state);
    return !isNews || store.keep(state);
  }

  #inTurn<T>(job: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(job);
    this.#turn = run.catch(() => {});
    return run;
  }
}
