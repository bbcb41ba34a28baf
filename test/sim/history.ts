import { Clock } from "./clock.ts";
import { type Mode, makeCluster } from "./cluster.ts";
import { type Coverage, Tally } from "./coverage.ts";
import { Entrypoint } from "./entrypoint.ts";
import type { Target } from "./faults/fault.ts";
import { pickTheme, planFaults, type Theme } from "./faults/themes.ts";
import { Names } from "./names.ts";
import { Network } from "./network.ts";
import type { Place, Scene } from "./place.ts";
import { Prng } from "./prng.ts";
import { Checker } from "./promises/checker.ts";
import type { Granted } from "./promises/lease-checker.ts";
import { Service } from "./service.ts";
import { Services } from "./services.ts";
import { type Held, ModelStore } from "./store.ts";
import { Trace, Violation } from "./trace.ts";

export interface Outcome {
  readonly seed: number;
  /** What was broken, or null. */
  readonly violation: string | null;
  readonly story: readonly string[];
  readonly virtualMs: number;
  readonly coverage: Coverage;
}

/** From the healing of everything to one HEAD with all nodes in its cluster: Ray's own waits are the longest part. */
const HEALED_WITHIN_MS = 400_000;
const CALM_MS = 10_000;

/** Lives one history through: faults for a while, then none, then one HEAD. */
export async function runHistory(seed: number, keepStory: boolean): Promise<Outcome> {
  const clock = new Clock();
  const trace = new Trace(keepStory, () => clock.nowMs);
  const history = new History(seed, clock, trace);
  const violation = await history.run();
  const message = violation === null ? null : `${violation.message} at ${clock.nowMs} ms`;
  return {
    seed,
    violation: message,
    story: trace.lines,
    virtualMs: clock.nowMs,
    coverage: history.coverage,
  };
}

class History {
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #prng: Prng;
  readonly #scene: Scene;
  /** The nodes of the cluster, and the host that may get a second node of the same name. */
  readonly #listed: readonly Place[];
  readonly #twin: Place;
  readonly #network: Network;
  readonly #services: Services;
  readonly #theme: Theme;
  readonly #mode: Mode;
  readonly #checker: Checker;
  readonly #tally = new Tally();
  /** The functions that end the faults that have begun. */
  readonly #open = new Set<() => void>();
  #runs = 0;

  constructor(seed: number, clock: Clock, trace: Trace) {
    const prng = new Prng(seed);
    const isKept = prng.chance(0.5);
    this.#theme = pickTheme(prng);
    const isShared = this.#theme === "shared";
    const persistent = isKept || isShared;
    const { mode, places: listed, twin } = makeCluster(prng, this.#theme);
    this.#mode = mode;
    this.#listed = listed;
    this.#twin = twin;
    const places = [...listed, twin];
    const names = new Names(places);
    const { note } = this.#tally;
    this.#clock = clock;
    this.#trace = trace;
    this.#prng = prng;
    this.#network = new Network(clock, prng);
    const settings = {
      ...{ clock, prng, persistent, keepsLease: mode !== "plain-200", log: trace.say, note },
      onGrant: (instance: string, event: Granted) => this.#checker.granted(instance, event),
      onEnded: (node: string) => this.#checker.ended(node),
      onHeard: (instance: string, epoch: number) => this.#checker.lease.heard(instance, epoch),
    };
    const store = isShared ? new ModelStore(this.#network, (...change) => this.#wrote(...change)) : null;
    const hosts = isShared ? ["health", "health2", "health3"] : ["health"];
    const upSinceMs = () => (isShared ? prng.between(0, 10_000_000) : 0);
    const all = hosts.map((host) => new Service({ ...settings, host, store, upSinceMs: upSinceMs() }));
    this.#services = new Services(all, store, this.#network);
    this.#checker = new Checker({
      clock,
      network: this.#network,
      names,
      services: this.#services,
      places,
      persistent,
      mode,
      note,
    });
    this.#scene = {
      clock,
      prng,
      network: this.#network,
      names,
      services: this.#services,
      checker: this.#checker,
      pace: { gcs: [500, 4000], raylet: [500, 8000] },
      log: trace.say,
      tells: trace.keeps,
      note,
    };
    trace.say(
      `${listed.length} nodes, ${mode}, ${twin.config.fencing}, takeover after ${twin.config.values.RAY_EP_TAKEOVER_AFTER / 1000} s, ${persistent ? "with" : "without"} a state folder; what goes wrong: ${this.#theme}`,
    );
  }

  get coverage(): Coverage {
    return this.#tally.coverage;
  }

  async run(): Promise<Violation | null> {
    const { chance, between } = this.#random();
    if (chance(0.9)) this.#services.start();
    for (const place of this.#listed)
      this.#clock.after(chance(0.5) ? 0 : between(0, 20_000), () => this.#start(place));
    const isLong = ["broken", "silence", "stores"].includes(this.#theme);
    const faultsMs = isLong ? between(120_000, 240_000) : between(20_000, 120_000);
    this.#planFaults(faultsMs);
    await this.#until(faultsMs, () => false);
    this.#heal();
    let since: number | null = null;
    await this.#until(faultsMs + HEALED_WITHIN_MS, () => {
      if (!this.#isWhole()) since = null;
      else since ??= this.#clock.nowMs;
      return since !== null && this.#clock.nowMs - since >= CALM_MS;
    });
    return this.#checker.violation ?? this.#judgeEnd();
  }

  /** The hosts that exist now. */
  get #places(): readonly Place[] {
    return [...this.#listed, this.#twin].filter((each) => each.exists);
  }

  #random() {
    const prng = this.#prng;
    return { chance: prng.chance.bind(prng), between: prng.between.bind(prng) };
  }

  #until(ms: number, done: () => boolean): Promise<void> {
    return this.#clock.run(ms, () => this.#checker.violation !== null || done());
  }

  #planFaults(faultsMs: number): void {
    const target: Target = {
      prng: this.#prng,
      network: this.#network,
      service: this.#services.all[0] as Service,
      services: this.#services,
      places: this.#listed,
      twin: this.#twin,
      note: this.#tally.note,
      start: (place) => this.#start(place),
      stop: (place) => this.#stop(place),
    };
    const tell = (run: () => void, what: string) => () => {
      if (this.#clock.nowMs > faultsMs) return;
      this.#trace.say(what);
      run();
    };
    for (const { fault, atMs, forMs } of planFaults(target, this.#theme, faultsMs)) {
      const { name, apply, undo } = fault;
      const begin = () => {
        this.#open.add(undo);
        apply();
      };
      const end = () => {
        if (this.#open.delete(undo)) undo();
      };
      this.#clock.after(atMs, tell(begin, `→ ${name}`));
      this.#clock.after(atMs + forMs, tell(end, `← ${name}`));
    }
  }

  #start(place: Place): void {
    if (!place.exists) return;
    place.wanted = true;
    if (place.actor !== null) return;
    const entrypoint = new Entrypoint(this.#scene, place, `${place.host}-${++this.#runs}`);
    const { actor } = entrypoint;
    void entrypoint.run().then(() => {
      if (place.actor !== actor) return;
      actor.kill();
      const again = this.#prng.between(500, 3000);
      this.#clock.after(place.wanted ? again : 0, () => {
        if (place.actor !== actor) return;
        place.kill();
        if (place.wanted) this.#start(place);
      });
    });
    place.askToStop = () => entrypoint.askToStop();
  }

  /** As `docker stop`: what has not ended when the grace is over is killed. */
  #stop(place: Place): void {
    const { actor } = place;
    place.wanted = false;
    place.askToStop();
    this.#clock.after(STOP_GRACE_MS, () => {
      if (actor === null || place.actor !== actor) return;
      this.#tally.note("stops that the engine cut short");
      place.kill();
      if (place.wanted) this.#start(place);
    });
  }

  /** Undoes all open faults, including a second host of a name, and repairs what they left. */
  #heal(): void {
    this.#trace.say("everything is healed");
    for (const undo of this.#open) undo();
    this.#network.heal();
    this.#services.heal();
    for (const place of this.#places) {
      place.wake();
      place.thaw();
      Object.assign(place, { busy: false, names: "well", rayBroken: false, guardBroken: false });
      this.#start(place);
    }
  }

  /** What several services grant shows in their store, also where the answer is lost. */
  #wrote(before: Held | null, { epoch, last }: Held): void {
    this.#trace.say(`store: epoch ${epoch}, ${JSON.stringify(last)}`);
    if (last?.returning && !before?.last?.returning) this.#checker.ended(last.node);
    if (last === null) this.#checker.stores.forgot();
    if (last === null || epoch === before?.epoch) return;
    this.#tally.note("grants by several services");
    const holder = before?.last && !before.last.released ? before.last.node : null;
    const granted = { type: "granted", how: "grant", address: "", headlessMs: null } as const;
    this.#checker.granted("store", { ...granted, node: last.node, life: last.life, epoch, before: holder });
  }

  #isWhole(): boolean {
    const heads = this.#places.filter((each) => each.gcs !== null);
    const clusterId = heads[0]?.gcs?.clusterId;
    return heads.length === 1 && this.#places.every((each) => each.member === clusterId);
  }

  #judgeEnd(): Violation | null {
    if (!this.#isWhole()) {
      const states = this.#places.map(
        ({ host, gcs, member }) => `${host}: ${gcs?.clusterId ?? "no GCS"}, in ${member}`,
      );
      return new Violation(`expected one HEAD with every node in its cluster, got ${states.join("; ")}`);
    }
    const { readyHeads } = this.#checker;
    // A strict HEAD ends without its lease, and comes back.
    const plain = this.#places.every((each) => each.config.fencing === "plain");
    // Without a lease two candidates may start within one boot of each other; the later in the list gives way then.
    const alwaysOne = plain && this.#theme === "service" && this.#mode !== "plain-200";
    if (alwaysOne && readyHeads.length > 1)
      return new Violation(`expected one HEAD all the time, got ${readyHeads.join(", ")}`);
    return null;
  }
}

/** The engine kills what its stop signal did not end (`docker stop` of a service of ws: 40 s; here shorter than Ray's own waits). */
const STOP_GRACE_MS = 10_000;
