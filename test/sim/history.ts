import { Checker } from "./checker.ts";
import { Clock } from "./clock.ts";
import { MODES, type Mode, makePlaces } from "./cluster.ts";
import { type Coverage, Tally } from "./coverage.ts";
import { planFaults, type Target, type Theme } from "./faults.ts";
import { Network } from "./network.ts";
import { Node } from "./node.ts";
import type { Place, Scene } from "./place.ts";
import { Prng } from "./prng.ts";
import { Service } from "./service.ts";
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
  readonly #places: readonly Place[];
  readonly #network: Network;
  readonly #service: Service;
  readonly #theme: Theme;
  readonly #mode: Mode;
  readonly #checker: Checker;
  readonly #tally = new Tally();
  #lives = 0;

  constructor(seed: number, clock: Clock, trace: Trace) {
    const prng = new Prng(seed);
    const persistent = prng.chance(0.5);
    this.#theme = prng.pick(THEMES);
    const mode = prng.pick(MODES);
    this.#mode = mode;
    const { note } = this.#tally;
    this.#clock = clock;
    this.#trace = trace;
    this.#prng = prng;
    this.#network = new Network(clock, prng);
    this.#service = new Service({
      clock,
      prng,
      persistent,
      keepsLease: mode !== "plain-200",
      onGrant: (instance, event) => this.#checker.lease.granted(instance, event),
      onHeard: (instance, epoch) => this.#checker.lease.heard(instance, epoch),
      log: trace.say,
      note,
    });
    this.#places = makePlaces(prng, mode);
    const places = this.#places;
    this.#checker = new Checker({
      clock,
      network: this.#network,
      service: this.#service,
      places,
      persistent,
      mode,
      note,
    });
    this.#scene = {
      clock,
      prng,
      network: this.#network,
      service: this.#service,
      places: new Map(places.map((each) => [each.name, each])),
      checker: this.#checker,
      pace: { gcs: [500, 4000], raylet: [500, 8000] },
      log: trace.say,
      note,
    };
    trace.say(
      `${places.length} nodes, ${mode}, ${places[0]?.config.fencing}, ${persistent ? "with" : "without"} a state folder; what goes wrong: ${this.#theme}`,
    );
  }

  get coverage(): Coverage {
    return this.#tally.coverage;
  }

  async run(): Promise<Violation | null> {
    const { chance, between } = this.#random();
    if (chance(0.9)) this.#service.start();
    for (const place of this.#places)
      this.#clock.after(chance(0.5) ? 0 : between(0, 20_000), () => this.#start(place));
    const faultsMs = this.#theme === "broken" ? between(120_000, 240_000) : between(20_000, 120_000);
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
      service: this.#service,
      places: this.#places,
      start: (place) => this.#start(place),
      stop: (place) => this.#stop(place),
    };
    const tell = (run: () => void, what: string) => () => {
      if (this.#clock.nowMs > faultsMs) return;
      this.#trace.say(what);
      run();
    };
    for (const { fault, atMs, forMs } of planFaults(target, this.#theme, faultsMs)) {
      this.#clock.after(atMs, tell(fault.apply, `→ ${fault.name}`));
      this.#clock.after(atMs + forMs, tell(fault.undo, `← ${fault.name}`));
    }
  }

  #start(place: Place): void {
    place.wanted = true;
    if (place.actor !== null) return;
    const node = new Node(this.#scene, place, `${place.name}-${++this.#lives}`);
    void node.run(() => {
      if (place.actor !== node.actor) return;
      node.actor.kill();
      const again = this.#prng.between(500, 3000);
      this.#clock.after(place.wanted ? again : 0, () => {
        if (place.actor !== node.actor) return;
        place.kill();
        if (place.wanted) this.#start(place);
      });
    });
    place.askToStop = () => node.askToStop();
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

  #heal(): void {
    this.#trace.say("everything is healed");
    this.#network.heal();
    this.#service.diskFull = false;
    this.#service.start();
    this.#service.resume();
    for (const place of this.#places) {
      place.frozen = false;
      place.freezesAsking = false;
      place.rayBroken = false;
      place.actor?.resume();
      this.#start(place);
    }
  }

  #isWhole(): boolean {
    const heads = this.#places.filter((each) => each.gcs !== null);
    const clusterId = heads[0]?.gcs?.clusterId;
    return heads.length === 1 && this.#places.every((each) => each.member === clusterId);
  }

  #judgeEnd(): Violation | null {
    if (!this.#isWhole()) {
      const states = this.#places.map(
        ({ name, gcs, member }) => `${name}: ${gcs?.clusterId ?? "no GCS"}, in ${member}`,
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

const THEMES: readonly Theme[] = [
  "service",
  "siege",
  "broken",
  "anything",
  "anything",
  "anything",
  "anything",
  "anything",
];
