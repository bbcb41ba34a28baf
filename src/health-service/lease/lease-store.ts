import type {
  ClusterView,
  Holder,
  LeaseGranted,
  LeaseRefused,
  LeaseRelease,
  LeaseReleased,
  LeaseRequest,
} from "../../common/lease-protocol.ts";
import type { Event } from "../output/event.ts";
import { stepLease } from "./lease.ts";
import {
  type GrantedHow,
  type Hold,
  isReleased,
  isRunning,
  type LeaseAnswer,
  type LeaseEvent,
  type LeaseSettings,
  type LeaseState,
  sameName,
  startLease,
} from "./lease-state.ts";
import { explainRefusal } from "./refusal.ts";
import type { Recalled, StateFile } from "./state-file.ts";

export interface LeaseStoreSettings {
  readonly instance: string;
  readonly lease: LeaseSettings;
  /** Null: the lease lives in memory alone. */
  readonly store: StateFile | null;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
  readonly log: (event: Event) => void;
}

/** How often each thing happened since the start; for /metrics. */
export type Tally = ReadonlyMap<string, number>;

/** Keeps the lease: one event at a time through the rules, on disk before a grant is answered. */
export class LeaseStore {
  readonly #settings: LeaseStoreSettings;
  #state: LeaseState;
  /** Requests stand in line behind a write under way: what they find must be what was kept. */
  #line: Promise<unknown> = Promise.resolve();
  #stored = true;
  readonly #tally = new Map<string, number>();

  constructor(settings: LeaseStoreSettings, recalled: Recalled) {
    this.#settings = settings;
    const heard = recalled.kind === "damaged" ? recalled.epoch : 0;
    const memory = recalled.kind === "kept" ? recalled.memory : null;
    this.#state = startLease(memory, heard, settings.now(), settings.lease);
  }

  /** Writes what is known, so that a folder that cannot be written is told at the start and not at the first grant. */
  async open(): Promise<void> {
    await this.#inLine(() => this.#save(this.#state));
  }

  /** Asks for the lease or renews it: the 200 or the 409 of `PUT /v1/head`. */
  ask(request: LeaseRequest): Promise<LeaseGranted | LeaseRefused> {
    return this.#inLine(() => this.#ask(request));
  }

  /** Refuses a request whose address is not the sender's, before any lease rule applies. */
  turnAway(request: LeaseRequest): LeaseRefused {
    return this.#refuse(request, "foreign-address");
  }

  release(release: LeaseRelease): Promise<LeaseReleased> {
    return this.#inLine(() => this.#release(release));
  }

  /** Takes note of an epoch that a node has seen. */
  hear(epoch: number): Promise<void> {
    return this.#inLine(async () => {
      this.#state = this.#step({ type: "heard", epoch }).state;
    });
  }

  view(): Pick<ClusterView, "instance" | "ttl" | "epoch" | "holder" | "released" | "releasedBy"> {
    const { instance, lease, now } = this.#settings;
    const { lastRelease: last } = this.#state;
    const [holder, released] = [this.#holder(), isReleased(this.#state)];
    const view = { instance, ttl: lease.ttlMs / 1000, epoch: this.#epoch(), holder, released };
    if (last === null) return view;
    return {
      ...view,
      releasedBy: { node: last.node, address: last.address, ago: (now() - last.atMs) / 1000 },
    };
  }

  /** The life that holds the lease under this node's name; undefined if none does. */
  holderNamed(node: string): string | undefined {
    const { hold } = this.#state;
    const holds = hold !== null && sameName(hold.node, node) && isRunning(hold, this.#settings.now());
    return holds ? hold.life : undefined;
  }

  get tally(): Tally {
    return this.#tally;
  }

  /** False while the state cannot be written. */
  get stored(): boolean {
    return this.#stored;
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    await this.#line;
  }

  #inLine<T>(job: () => Promise<T>): Promise<T> {
    const run = this.#line.then(job);
    this.#line = run.catch(() => {});
    return run;
  }

  #step(event: LeaseEvent) {
    return stepLease(this.#state, this.#settings.now(), event, this.#settings.lease);
  }

  async #ask(request: LeaseRequest): Promise<LeaseGranted | LeaseRefused> {
    const { state, answer } = this.#step({ type: "ask", request });
    const isGrant = answer.kind === "granted" && answer.how === "grant";
    if (isGrant && !(await this.#save(state))) return this.#refuse(request, "storage");
    const before = this.#state.hold;
    this.#state = state;
    if (answer.kind === "refused") return this.#refuse(request, answer.reason, answer.retryAfterMs);
    if (answer.kind !== "granted") throw new Error(`a request was answered with ${answer.kind}`);
    if (answer.how !== "grant" && this.#isWorthKeeping(answer.how, before)) await this.#save(state);
    return this.#grant(request, answer, before);
  }

  /** That a HEAD serves is worth it: who never served is followed without a delay. So is what could not be kept before. */
  #isWorthKeeping(how: GrantedHow, before: Hold | null): boolean {
    return how === "adoption" || !this.#stored || this.#state.hold?.clusterId !== before?.clusterId;
  }

  async #release(release: LeaseRelease): Promise<LeaseReleased> {
    const { state, answer } = this.#step({ type: "release", release });
    const released = answer.kind === "released" && answer.released;
    this.#state = state;
    if (released) {
      // A release that is lost costs one TTL after a restart, so it counts also where it cannot be kept.
      await this.#save(state);
      const { node, life, epoch } = release;
      this.#settings.log({ type: "released", node, life, epoch });
    }
    this.#count(released ? "release" : "release-by-stranger");
    return { released, epoch: this.#epoch(), instance: this.#settings.instance };
  }

  #grant(
    request: LeaseRequest,
    answer: Extract<LeaseAnswer, { kind: "granted" }>,
    before: Hold | null,
  ): LeaseGranted {
    const { how, epoch, namesake } = answer;
    const { instance, lease, log } = this.#settings;
    const { node, life, address } = request;
    this.#count(how);
    if (how !== "renewal")
      log({ type: "granted", how, node, life, address, epoch, before: before?.node ?? null });
    const granted: LeaseGranted = { granted: true, epoch, ttl: lease.ttlMs / 1000, instance };
    return namesake === null ? granted : { ...granted, namesake: { address: namesake.address } };
  }

  #refuse(
    request: LeaseRequest,
    reason: LeaseRefused["reason"],
    retryAfterMs = this.#settings.lease.askAgainMs,
  ): LeaseRefused {
    const { node, life } = request;
    const epoch = this.#epoch();
    const message = explainRefusal(reason, request, this.#state.hold, epoch);
    this.#count(`refused-${reason}`);
    this.#settings.log({ type: "refused", node, life, reason, message });
    const { instance } = this.#settings;
    const retryAfter = Math.ceil(retryAfterMs) / 1000;
    return { granted: false, reason, message, holder: this.#holder(), epoch, retryAfter, instance };
  }

  async #save(state: LeaseState): Promise<boolean> {
    const { store, log } = this.#settings;
    if (store === null) return true;
    const saved = await store.save(state);
    if (saved.ok !== this.#stored || !saved.ok) {
      const { file } = store;
      log(
        saved.ok
          ? { type: "storage", ok: true, file }
          : { type: "storage", ok: false, file, cause: saved.error },
      );
    }
    this.#stored = saved.ok;
    return saved.ok;
  }

  #epoch = (): number => Math.max(this.#state.epoch, this.#state.heard);

  #holder(): Holder | null {
    const { hold } = this.#state;
    if (hold === null) return null;
    const { node, address, clusterId, epoch } = hold;
    const leftS = (hold.endsAtMs - this.#settings.now()) / 1000;
    const runs = leftS > 0 ? { expiresIn: leftS } : { expiresIn: 0, endedFor: -leftS };
    return { node, address, clusterId, epoch, ...runs };
  }

  #count(what: string): void {
    this.#tally.set(what, (this.#tally.get(what) ?? 0) + 1);
  }
}
