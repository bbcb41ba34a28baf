import { monotonicMs, pause } from "../../common/deadline.ts";
import type { Promoted, Standing } from "../../common/protocol/admin-protocol.ts";
import type { Event } from "../event.ts";
import type { LeaseStore } from "../lease/lease-store.ts";
import { addService, lead } from "./cluster-state.ts";
import type { ClusterStore } from "./cluster-store.ts";
import { askPeers } from "./peers.ts";
import * as replicas from "./replica.ts";

export interface TakeoverSettings {
  readonly store: ClusterStore;
  readonly lease: Pick<LeaseStore, "memory" | "restore" | "settled">;
  /** Where members reach this service: host:port. */
  readonly advertise: string;
  /** Of this machine's node; undefined where it is no member. */
  readonly membership: () => replicas.OwnMembership | undefined;
  readonly log: (event: Event) => void;
}

const EVERY_MS = 2000;

/**
 * Several services of one cluster: one decides, the others copy all that it keeps, every two seconds. One of them takes over only
 * when somebody says so. A service that decides looks whether another one does so under a higher term, and gives way.
 */
export class Takeover {
  readonly #settings: TakeoverSettings;
  #copiedAtMs: number | undefined;

  constructor(settings: TakeoverSettings) {
    this.#settings = settings;
  }

  /** Looks every two seconds, until `signal` aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    while (await pause(EVERY_MS, signal)) await this.look();
  }

  /** Copies from the service that decides, or looks whether another one does. Never rejects. */
  async look(): Promise<void> {
    const { store } = this.#settings;
    if (!store.state.decides) return void (await this.#copy(store.state.term));
    const other = await this.#other();
    if (other !== undefined && replicas.outranks(other, this.standing()))
      await store.inLine(() => this.#yield(other.service, other.term));
  }

  standing(): Standing {
    const { store, advertise } = this.#settings;
    const { decides, term } = store.state;
    const copiedAgo = this.#copiedAtMs === undefined ? null : (monotonicMs() - this.#copiedAtMs) / 1000;
    return { decides, term, service: advertise, copiedAgo };
  }

  /** What the service at `service` copies for this member. One with a higher term takes over: this one decides no more. */
  replica(member: string, service: string, term: number): Promise<replicas.Replica | null> {
    const { store, lease } = this.#settings;
    return store.inLine(async () => {
      if (!replicas.isCredible(term, store.state.term)) return null;
      if (term > store.state.term) await this.#yield(service, term);
      else {
        const known = addService(store.state, member, service);
        if (known !== store.state && !(await store.keep(known))) return null;
      }
      // A grant that is being written now is answered in a moment.
      await lease.settled();
      return { state: store.state, lease: lease.memory() };
    });
  }

  /**
   * This service decides from now on. `complete`: the one before has handed over. A text says which other one decides, and does
   * not: what it keeps would be lost. Null where it cannot be kept.
   */
  async promote(): Promise<Promoted | string | null> {
    const { store, lease, advertise, log } = this.#settings;
    const { decides, term } = store.state;
    if (decides) return { term, complete: true };
    let next = term + 1;
    let complete = await this.#copy(next);
    // It has been told of a higher term only now, and the service of that one did not hand over.
    if (complete && store.state.term > next) {
      next = store.state.term + 1;
      complete = await this.#copy(next);
    }
    const other = complete ? undefined : await this.#other();
    if (other !== undefined) return other.service;
    return store.inLine(async () => {
      await lease.restore(replicas.aheadOf(lease.memory(), complete));
      if (!(await store.keep(lead(store.state, advertise, next)))) return null;
      log({ type: "promoted", term: next, complete });
      return { term: next, complete };
    });
  }

  /** Another service that decides, the one of the highest term. */
  async #other(): Promise<Standing | undefined> {
    const { store, advertise } = this.#settings;
    const { services, authority, term: own } = store.state;
    const others = services.flatMap(({ at }) => (at === advertise ? [] : [at]));
    const answers = await askPeers(others, authority.certificate, "/v1/leader");
    return answers
      .flatMap((body) => replicas.parseStanding(body) ?? [])
      .filter(({ decides, term }) => decides && replicas.isCredible(term, own))
      .toSorted((a, b) => (replicas.outranks(a, b) ? -1 : 1))[0];
  }

  /** Only in line. What cannot be kept is asked again at the next start. */
  async #yield(to: string, term: number): Promise<void> {
    const { store, log } = this.#settings;
    if (!store.state.decides) return;
    store.resign(term);
    await store.keep(store.state);
    log({ type: "yielded", to, term });
  }

  /** True where another service that decides was copied: only such a one answers 200. */
  async #copy(term: number): Promise<boolean> {
    const { store, advertise, membership, log } = this.#settings;
    const own = membership();
    const { services, authority } = store.state;
    const known = [...services.map(({ at }) => at), ...(own?.services ?? [])];
    const others = own === undefined ? [] : [...new Set(known)].filter((at) => at !== advertise);
    const path = replicas.replicaPath(advertise, term);
    const credential = `${own?.member}:${own?.credential}`;
    const answers = await askPeers(others, authority.certificate, path, credential);
    const found = answers.flatMap((body) => replicas.parseReplica(body) ?? []);
    const [newest] = found.toSorted((a, b) => b.state.term - a.state.term);
    if (newest === undefined || !(await this.#take(newest))) {
      log({ type: "no-copy", services: others, isMember: own !== undefined });
      return false;
    }
    if (this.#copiedAtMs === undefined) log({ type: "standby", of: newest.state.services[0]?.at ?? "" });
    this.#copiedAtMs = monotonicMs();
    return true;
  }

  #take({ state, lease }: replicas.Replica): Promise<boolean> {
    const { store } = this.#settings;
    return store.inLine(async () => {
      const { decides, term } = store.state;
      if (decides || state.term < term || !replicas.isCredible(state.term, term)) return false;
      const copy = { ...state, decides: false };
      const isNews = JSON.stringify(copy) !== JSON.stringify(store.state);
      if (isNews && !(await store.keep(copy))) return false;
      await this.#settings.lease.restore(lease);
      return true;
    });
  }
}
